//! Mistakes in a command line, described in one sentence instead of clap's several lines.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use fencepost::options::foreign_words;

/// The sentence about an error, without a full stop at the end.
pub fn sentence(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let subject =
        context(ContextKind::InvalidArg).or_else(|| context(ContextKind::InvalidSubcommand));
    let of_another_tool = subject.as_deref().and_then(|text| {
        let name = text.trim_start_matches('-').split('=').next()?;
        Some(format!("there is no option '{}': {}", text.escape_debug(), foreign_words(name)?))
    });
    if let Some(sentence) = of_another_tool {
        return sentence;
    }
    // The placeholder of its value is left out.
    let subject = subject.map_or("an argument".to_string(), |text| {
        let name = text.split([' ', '=']).next().unwrap_or(&text);
        let name = name.trim_matches(['[', ']', '<', '>', '.']);
        format!("'{}'", name.escape_debug())
    });
    let value = context(ContextKind::InvalidValue).filter(|value| !value.is_empty());
    let choices = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(choices)) => choices.as_slice(),
        _ => &[],
    };
    let fault = match error.kind() {
        ErrorKind::UnknownArgument => format!("unexpected argument {subject}"),
        ErrorKind::InvalidSubcommand => {
            format!("{subject} is neither a command nor a program in PATH")
        }
        ErrorKind::MissingRequiredArgument => format!("a {} is missing", bare(&subject)),
        ErrorKind::InvalidValue if value.is_some() && !choices.is_empty() => {
            let value = value.unwrap_or_default();
            let choices = choices.join(", ");
            return format!("{subject} takes one of {choices}, not '{}'", value.escape_debug());
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            return format!("{subject}: {why}");
        }
        ErrorKind::InvalidValue | ErrorKind::NoEquals => format!("{subject} needs a value"),
        ErrorKind::WrongNumberOfValues => match error.get(ContextKind::ExpectedNumValues) {
            Some(ContextValue::Number(values)) => format!("{subject} takes {values} values"),
            _ => format!("{subject} takes no such value"),
        },
        ErrorKind::TooManyValues => format!("{subject} takes no such value"),
        ErrorKind::ArgumentConflict => match context(ContextKind::PriorArg) {
            Some(other) => {
                let other = other.split(' ').next().unwrap_or(&other);
                format!("{subject} and '{}' cannot stand together", other.escape_debug())
            }
            None => format!("{subject} cannot stand with others"),
        },
        ErrorKind::InvalidUtf8 => "an argument before PROGRAM is not valid UTF-8".to_string(),
        kind => kind.as_str().unwrap_or("the arguments are wrong").to_string(),
    };
    let nearest =
        context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedSubcommand));
    match nearest {
        Some(nearest) => format!("{fault}; did you mean '{nearest}'?"),
        None => format!("{fault}; try 'fencepost --help'"),
    }
}

/// The name of an argument without the characters around it.
fn bare(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric() || "-_".contains(*char)).collect()
}
