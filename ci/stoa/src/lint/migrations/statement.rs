//! One statement of a migration: whether the previous release can live with it.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateIndex,
    ObjectName, Spanned as _, Statement, TableConstraint,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError};
use std::collections::BTreeSet;

/// What PostgreSQL ends the names of constraints with whose absence nobody notices.
const LOOSE_CONSTRAINTS: [&str; 3] = ["_check", "_fkey", "_not_null"];
/// Words that make a statement suspect which the parser does not know.
const SUSPECT: [&str; 8] = [
    "CONSTRAINT",
    "DELETE",
    "DROP",
    "RENAME",
    "REVOKE",
    "TRUNCATE",
    "TYPE",
    "UNIQUE",
];

/// What a statement does to the previous release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    TakesAway,
    Renames,
    ChangesType,
    Demands,
    DropsDefault,
    AddsDemanding,
    Constrains,
    Empties,
    Unreadable,
}

impl Harm {
    /// What is wrong, and the way around it.
    pub(super) fn explain(self) -> String {
        let (what, instead) = match self {
            Self::TakesAway => (
                "takes away what the previous release may use",
                "stop using it in one release",
            ),
            Self::Renames => (
                "the previous release knows it by its old name only",
                "add the new one, write both, and read the new one in one release",
            ),
            Self::ChangesType => (
                "the previous release reads and writes the old type",
                "add a column of the new type, write both, and read the new one in one release",
            ),
            Self::Demands => (
                "the previous release may write NULL",
                "write it always in one release",
            ),
            Self::DropsDefault => (
                "the previous release may count on the default",
                "write it always in one release",
            ),
            Self::AddsDemanding => {
                return "the previous release does not write this column, and it may not be NULL; give it a DEFAULT, \
                        or allow NULL"
                    .into();
            }
            Self::Constrains => (
                "the previous release may write rows that this forbids",
                "keep to it in one release",
            ),
            Self::Empties => {
                return "removes every row, which the previous release may need; say which (WHERE)"
                    .into();
            }
            Self::Unreadable => (
                "the parser does not know this statement, and it may take something away",
                "if it does, stop using that in one release",
            ),
        };
        format!(
            "{what}; {instead}, and do this in a later migration whose first line is `-- contract: N` \
             (N: the migration of that release which begins with `-- retires: what`)"
        )
    }
}

/// What earlier statements made.
#[derive(Default)]
pub(super) struct Seen {
    unique_indexes: BTreeSet<String>,
    /// Of this file: nobody uses them yet.
    tables: BTreeSet<String>,
    columns: BTreeSet<String>,
    /// Dropped in this file, so that one of the same name may widen it.
    constraints: BTreeSet<String>,
}

/// The statements of a file, as their tokens.
pub(super) fn statements(text: &str) -> Result<Vec<Vec<TokenWithSpan>>, TokenizerError> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location()?;
    let parts = tokens.split(|token| token.token == Token::SemiColon);
    let without_space = parts.map(|part| {
        let kept = part
            .iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_)));
        kept.cloned().collect::<Vec<_>>()
    });
    Ok(without_space.filter(|part| !part.is_empty()).collect())
}

impl Seen {
    /// What the file before made is in use from here on.
    pub(super) fn begin_file(&mut self) {
        self.tables.clear();
        self.columns.clear();
        self.constraints.clear();
    }

    /// The harm of a statement, with lines.
    pub(super) fn judge(&mut self, tokens: &[TokenWithSpan]) -> Vec<(u64, Harm)> {
        let line = tokens.first().map_or(1, |token| token.span.start.line);
        let words: Vec<String> = tokens
            .iter()
            .filter_map(|token| word(&token.token))
            .collect();
        let first = words.first().map_or("", String::as_str);
        let renames = words.iter().any(|word| word == "RENAME");
        match first {
            "DROP" => self
                .dropped(&words)
                .map(|harm| (line, harm))
                .into_iter()
                .collect(),
            "TRUNCATE" => vec![(line, Harm::Empties)],
            "REVOKE" => vec![(line, Harm::TakesAway)],
            "ALTER" if renames => vec![(line, Harm::Renames)],
            _ => self.parsed(tokens, line),
        }
    }

    /// Only an index that makes nothing unique can go unnoticed.
    fn dropped(&self, words: &[String]) -> Option<Harm> {
        let is_index = words.get(1).is_some_and(|word| word == "INDEX");
        let is_unique = |word: &String| self.unique_indexes.contains(&word.to_lowercase());
        (!is_index || words.iter().any(is_unique)).then_some(Harm::TakesAway)
    }

    fn parsed(&mut self, tokens: &[TokenWithSpan], line: u64) -> Vec<(u64, Harm)> {
        let dialect = PostgreSqlDialect {};
        let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens.to_vec());
        let harm = match parser.parse_statement() {
            Ok(Statement::AlterTable(alter)) => return self.altered(&alter, line),
            Ok(Statement::CreateTable(table)) => {
                self.tables.insert(last(&table.name));
                None
            }
            Ok(Statement::CreateIndex(index)) => self.indexed(&index),
            Ok(Statement::Delete(delete)) => delete.selection.is_none().then_some(Harm::Empties),
            Ok(_) => None,
            Err(_) => suspect(tokens).then_some(Harm::Unreadable),
        };
        harm.map(|harm| (line, harm)).into_iter().collect()
    }

    fn indexed(&mut self, index: &CreateIndex) -> Option<Harm> {
        if !index.unique {
            return None;
        }
        self.unique_indexes.extend(index.name.as_ref().map(last));
        let mut columns = index
            .columns
            .iter()
            .map(|column| column.column.expr.to_string());
        let is_new = self.tables.contains(&last(&index.table_name))
            || columns.any(|column| self.columns.contains(&column.to_lowercase()));
        (!is_new).then_some(Harm::Constrains)
    }

    fn altered(&mut self, alter: &AlterTable, line: u64) -> Vec<(u64, Harm)> {
        if self.tables.contains(&last(&alter.name)) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for operation in &alter.operations {
            if let Some(harm) = self.operation(operation) {
                // Not every operation knows where it stands.
                found.push((operation.span().start.line.max(line), harm));
            }
        }
        found
    }

    fn operation(&mut self, operation: &AlterTableOperation) -> Option<Harm> {
        use AlterTableOperation as Op;
        match operation {
            Op::DropColumn { .. } | Op::DropPrimaryKey { .. } => Some(Harm::TakesAway),
            Op::DropConstraint { name, .. } => {
                let name = name.value.to_lowercase();
                let is_loose = LOOSE_CONSTRAINTS.iter().any(|end| name.ends_with(end));
                self.constraints.insert(name);
                (!is_loose).then_some(Harm::TakesAway)
            }
            Op::AddConstraint { constraint, .. } => {
                let widens = name(constraint).is_some_and(|name| self.constraints.contains(&name));
                (!widens).then_some(Harm::Constrains)
            }
            Op::AddColumn { column_def, .. } => {
                self.columns.insert(column_def.name.value.to_lowercase());
                demands(column_def).then_some(Harm::AddsDemanding)
            }
            Op::AlterColumn { op, .. } => match op {
                AlterColumnOperation::SetNotNull => Some(Harm::Demands),
                AlterColumnOperation::SetDataType { .. } => Some(Harm::ChangesType),
                AlterColumnOperation::DropDefault => Some(Harm::DropsDefault),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A word outside of quotes, in capitals.
fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.value.to_uppercase()),
        _ => None,
    }
}

/// Whether a statement that the parser does not know holds a word that bodes ill, be it in a body of code.
fn suspect(tokens: &[TokenWithSpan]) -> bool {
    let text: Vec<String> = tokens.iter().map(|token| token.token.to_string()).collect();
    let text = text.join(" ").to_uppercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| SUSPECT.contains(&word))
}

/// A name without its schema.
fn last(name: &ObjectName) -> String {
    let part = name.0.last().map(ToString::to_string);
    part.unwrap_or_default().to_lowercase()
}

fn name(constraint: &TableConstraint) -> Option<String> {
    let name = match constraint {
        TableConstraint::Unique(unique) => &unique.name,
        TableConstraint::PrimaryKey(key) => &key.name,
        TableConstraint::ForeignKey(key) => &key.name,
        TableConstraint::Check(check) => &check.name,
        _ => return None,
    };
    name.as_ref().map(|name| name.value.to_lowercase())
}

/// Whether a row without a value for the column is refused.
fn demands(column: &ColumnDef) -> bool {
    let has = |wanted: fn(&ColumnOption) -> bool| {
        let mut options = column.options.iter();
        options.any(|option| wanted(&option.option))
    };
    let is_serial = column
        .data_type
        .to_string()
        .to_lowercase()
        .ends_with("serial");
    let is_filled = has(|option| {
        matches!(
            option,
            ColumnOption::Default(_) | ColumnOption::Generated { .. } | ColumnOption::Identity(_)
        )
    });
    has(|option| matches!(option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_)))
        && !is_serial
        && !is_filled
}
