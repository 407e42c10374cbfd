//! A check of `fencepost doctor`: one thing that it looked at, and how good it is.

/// How good something is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// It is as it should be.
    Good,
    /// It is neither good nor bad, only information.
    Fact,
    /// It works, but not as well as it might.
    Poor,
    /// It does not work.
    Bad,
}

impl Grade {
    /// The word before the finding.
    pub fn word(self) -> &'static str {
        match self {
            Grade::Good => "good",
            Grade::Fact => "",
            Grade::Poor => "poor",
            Grade::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
pub struct Check {
    pub name: &'static str,
    pub grade: Grade,
    pub finding: String,
    /// A sentence on what to do.
    pub advice: Option<String>,
}

impl Check {
    pub fn new(name: &'static str, grade: Grade, finding: impl Into<String>) -> Check {
        Check { name, grade, finding: finding.into(), advice: None }
    }

    pub fn advise(mut self, advice: impl Into<String>) -> Check {
        self.advice = Some(advice.into());
        self
    }
}
