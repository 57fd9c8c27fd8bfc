//! TLS for the listeners: certificates from files, or from a certificate authority of our own.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::UpArgs;
use super::listen::Plan;

/// How the listeners speak TLS, if they do.
pub(crate) fn server_config(
    args: &UpArgs,
    data: &Path,
    plan: &Plan,
) -> Result<Option<Arc<ServerConfig>>, String> {
    let (chain, key) = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => (read_chain(certificate)?, read_key(key)?),
        _ if args.tls_local_ca => local(data, plan)?,
        _ => return Ok(None),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("the certificate does not fit its key: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

/// The same for a listener that speaks HTTP/1.1 alone, and so must not offer another version.
pub(crate) fn http1_only(config: &ServerConfig) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("--tls-cert {}: {error}", path.display()))?;
    if chain.is_empty() {
        return Err(format!("--tls-cert {} holds no certificate", path.display()));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| format!("--tls-key {}: {error}", path.display()))
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A certificate by the authority in `DATA/tls`, which is made where it is missing. The
/// authority's key never leaves that directory; `DATA/tls/ca.pem` is what clients trust.
fn local(data: &Path, plan: &Plan) -> Result<Pair, String> {
    let directory = data.join("tls");
    lanyard_store::prepare_directory(&directory).map_err(|error| error.to_string())?;
    let text = |error: rcgen::Error| format!("the local certificate authority: {error}");
    let issuer = authority(&directory)?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(plan.public.iter().map(|origin| origin.host().to_owned()));
    let mut params = CertificateParams::new(names).map_err(text)?;
    params.distinguished_name.push(DnType::CommonName, "lanyard");
    // Strict clients (Python 3.13 among them) want to be told all of this.
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(text)?;
    let certificate = params.signed_by(&key, &issuer).map_err(text)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|error| format!("the local certificate authority: {error}"))?;
    Ok((vec![certificate.der().clone()], key))
}

fn authority(directory: &Path) -> Result<Issuer<'static, KeyPair>, String> {
    let (certificate_path, key_path) = (directory.join("ca.pem"), directory.join("ca.key"));
    let text = |error: rcgen::Error| format!("the local certificate authority: {error}");
    let file = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    if key_path.exists() && certificate_path.exists() {
        let key = std::fs::read_to_string(&key_path).map_err(|error| file(&key_path, &error))?;
        let key = KeyPair::from_pem(&key).map_err(text)?;
        return Ok(Issuer::new(authority_params()?, key));
    }
    let params = authority_params()?;
    let key = KeyPair::generate().map_err(text)?;
    let certificate = params.self_signed(&key).map_err(text)?;
    lanyard_store::write_atomic(&key_path, key.serialize_pem().as_bytes(), 0o600)
        .map_err(|error| file(&key_path, &error))?;
    lanyard_store::write_atomic(&certificate_path, certificate.pem().as_bytes(), 0o644)
        .map_err(|error| file(&certificate_path, &error))?;
    Ok(Issuer::new(params, key))
}

fn authority_params() -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new(Vec::new())
        .map_err(|error| format!("the local certificate authority: {error}"))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Lanyard local authority");
    Ok(params)
}
