//! Tests of reading YAML.
