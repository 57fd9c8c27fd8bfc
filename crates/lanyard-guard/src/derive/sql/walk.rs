//! Goes through what was parsed and notes what it does. What is not known to read, writes.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, ObjectName, ObjectNamePart, Query, Select, SetExpr, Statement,
    TableFactor, Visit as _, Visitor,
};

use super::{Found, functions};

/// Notes what the statements of one dialect's reading do.
pub(super) fn walk(statements: &[Statement], found: &mut Found) {
    for statement in statements {
        // Nothing here stops the walk.
        if statement.visit(found).is_break() {
            found.writes = true;
        }
    }
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.writes |= !reads(statement);
        let is_query = matches!(statement, Statement::Query(_));
        let verb = if is_query { "select".to_owned() } else { verb(&statement.to_string()) };
        self.verbs.insert(verb);
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let is_plain = query.locks.is_empty()
            && query.for_clause.is_none()
            && query.settings.is_none()
            && query.format_clause.is_none()
            && query.pipe_operators.is_empty();
        self.writes |= !is_plain;
        self.body(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.writes |= select.into.is_some() || !select.optimizer_hints.is_empty();
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = self.name(relation);
        self.tables.insert(name);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args, version, json_path, .. } => {
                self.writes |= version.is_some() || json_path.is_some();
                if args.is_some() {
                    self.call(name);
                }
            }
            TableFactor::Function { name, .. } => self.call(name),
            TableFactor::Derived { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::JsonTable { .. } => {}
            TableFactor::OpenJsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::UnpivotExpr { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::SemanticView { .. } => self.writes = true,
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.call(&function.name);
        } else if let Expr::BinaryOp { op, .. }
        | Expr::AnyOp { compare_op: op, .. }
        | Expr::AllOp { compare_op: op, .. } = expr
        {
            self.operator(op);
        } else {
            self.writes |= !is_computation(expr);
        }
        ControlFlow::Continue(())
    }
}

impl Found {
    /// The parts of a query that no visit leads to.
    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            SetExpr::Table(table) => {
                let parts = table.schema_name.iter().chain(table.table_name.iter());
                let parts: Vec<String> = parts.map(|it| it.to_lowercase()).collect();
                self.tables.insert(parts.join("."));
            }
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => {}
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                self.writes = true;
            }
        }
    }

    fn call(&mut self, name: &ObjectName) {
        let name = self.name(name);
        self.writes |= !functions::only_computes(&name);
        self.functions.insert(name);
    }

    fn operator(&mut self, operator: &BinaryOperator) {
        self.writes |= matches!(
            operator,
            BinaryOperator::Assignment
                | BinaryOperator::Custom(_)
                | BinaryOperator::PGCustomBinaryOperator(_)
        );
    }

    /// A name as written, in lower case and without quotes.
    fn name(&mut self, name: &ObjectName) -> String {
        let mut parts = Vec::new();
        for part in &name.0 {
            match part {
                // With a dot of its own, a quoted name would look like another one.
                ObjectNamePart::Identifier(ident) => {
                    self.writes |= ident.value.contains('.');
                    parts.push(ident.value.to_lowercase());
                }
                ObjectNamePart::Function(_) => self.writes = true,
            }
        }
        parts.join(".")
    }
}

/// The first word of a statement as the parser writes it.
fn verb(statement: &str) -> String {
    let word = statement.split(|it: char| !it.is_ascii_alphanumeric()).find(|it| !it.is_empty());
    word.unwrap_or_default().to_ascii_lowercase()
}

fn reads(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_)
            | Statement::Explain { .. }
            | Statement::ExplainTable { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowCreate { .. }
            | Statement::ShowDatabases { .. }
            | Statement::ShowSchemas { .. }
            | Statement::ShowTables { .. }
            | Statement::ShowViews { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowVariables { .. }
            | Statement::ShowStatus { .. }
            | Statement::ShowCollation { .. }
    )
}

/// Expressions that compute. Functions and binary operators are looked at one by one.
fn is_computation(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::CompoundFieldAccess { .. }
            | Expr::JsonAccess { .. }
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::IsJson { .. }
            | Expr::IsNormalized { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::InUnnest { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
            | Expr::RLike { .. }
            | Expr::UnaryOp { .. }
            | Expr::Convert { .. }
            | Expr::Cast { .. }
            | Expr::AtTimeZone { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Collate { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Prefixed { .. }
            | Expr::TypedString(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Array(_)
            | Expr::Interval(_)
            | Expr::MatchAgainst { .. }
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..)
    )
}
