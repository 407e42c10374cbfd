//! Repeated measurements, taken in turns.

use std::collections::BTreeMap;
use std::fmt;

/// What one run yields: figures by name.
pub type Figures = BTreeMap<String, f64>;

/// One figure in every round.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn new(values: Vec<f64>) -> Samples {
        assert!(!values.is_empty());
        Samples(values)
    }

    pub fn rounds(&self) -> usize {
        self.0.len()
    }

    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        }
    }

    pub fn lowest(&self) -> f64 {
        self.sorted()[0]
    }

    pub fn highest(&self) -> f64 {
        self.sorted()[self.0.len() - 1]
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// Round by round: what slows the machine for a while slows both.
    pub fn with(&self, other: &Samples, combine: impl Fn(f64, f64) -> f64) -> Samples {
        Samples(self.0.iter().zip(&other.0).map(|(&a, &b)| combine(a, b)).collect())
    }

    pub fn over(&self, baseline: &Samples) -> Samples {
        self.with(baseline, |a, b| a / b)
    }
}

pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// Why there is no figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The tool is not installed, or does not work here.
    Unavailable(String),
    Died(String),
    TooSlow {
        seconds: u64,
    },
    /// Not worth trying after what happened before.
    Spared(&'static str),
}

impl Failure {
    /// The sentence that goes with it, if there is one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Failure::Unavailable(reason) | Failure::Died(reason) => Some(reason),
            Failure::TooSlow { .. } => None,
            Failure::Spared(why) => Some(why),
        }
    }
}

/// The word for a table.
impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unavailable(_) => write!(out, "n/a"),
            Failure::Died(_) => write!(out, "dies"),
            Failure::TooSlow { seconds } => write!(out, "> {seconds} s"),
            Failure::Spared(_) => write!(out, "not tried"),
        }
    }
}

/// All rounds of one contender, or what ended the first that failed.
#[derive(Clone, Debug)]
pub struct Outcome(Result<Vec<Figures>, Failure>);

impl Outcome {
    pub fn failed(failure: Failure) -> Outcome {
        Outcome(Err(failure))
    }

    pub fn get(&self, figure: &str) -> Result<Samples, Failure> {
        let rounds = self.0.as_ref().map_err(Failure::clone)?;
        let values: Option<Vec<f64>> =
            rounds.iter().map(|figures| figures.get(figure).copied()).collect();
        values.map(Samples::new).ok_or_else(|| Failure::Died(format!("no {figure}")))
    }
}

/// Measures every contender once a round, each round beginning with the next contender. One that
/// fails is not tried again.
pub fn take_turns<C>(
    contenders: &[C],
    rounds: usize,
    mut measure: impl FnMut(&C) -> Result<Figures, Failure>,
) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = contenders.iter().map(|_| Outcome(Ok(Vec::new()))).collect();
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            if let Ok(figures) = &mut outcomes[index].0 {
                match measure(&contenders[index]) {
                    Ok(measured) => figures.push(measured),
                    Err(failure) => outcomes[index] = Outcome::failed(failure),
                }
            }
        }
    }
    outcomes
}

/// Reads `name=number` words; others are skipped.
pub fn parse_figures(text: &str) -> Figures {
    text.split_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?)))
        .collect()
}
