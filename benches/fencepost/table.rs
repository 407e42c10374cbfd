//! What was measured, for people and for programs.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::samples::{Failure, Samples};
use crate::tool::Bench;

pub enum Cell {
    /// How many times the baseline.
    Ratio(Samples),
    /// In the unit that the column names.
    Amount(Samples),
    Text(String),
    /// No figure. The table says why below.
    Failed(Failure),
}

impl Cell {
    pub fn ratio(samples: &Result<Samples, Failure>, baseline: &Result<Samples, Failure>) -> Cell {
        match (samples, baseline) {
            (Ok(samples), Ok(baseline)) => Cell::Ratio(samples.over(baseline)),
            (Err(failure), _) => Cell::Failed(failure.clone()),
            (_, Err(_)) => Cell::Text("no baseline".to_owned()),
        }
    }

    /// As [`Cell::ratio`]; a failure is one word, and the table says the reason elsewhere.
    pub fn ratio_or_word(
        samples: &Result<Samples, Failure>,
        baseline: &Result<Samples, Failure>,
    ) -> Cell {
        match Cell::ratio(samples, baseline) {
            Cell::Failed(failure @ (Failure::Unavailable(_) | Failure::Spared(_))) => {
                Cell::text(failure.to_string())
            }
            cell => cell,
        }
    }

    pub fn amount(samples: &Result<Samples, Failure>) -> Cell {
        match samples {
            Ok(samples) => Cell::Amount(samples.clone()),
            Err(failure) => Cell::Failed(failure.clone()),
        }
    }

    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    fn json(&self) -> Value {
        let figures = |kind: &str, samples: &Samples| {
            json!({
                "kind": kind,
                "median": samples.median(),
                "lowest": samples.lowest(),
                "highest": samples.highest(),
                "rounds": samples.rounds(),
            })
        };
        match self {
            Cell::Ratio(samples) => figures("ratio", samples),
            Cell::Amount(samples) => figures("amount", samples),
            Cell::Text(text) => json!({"kind": "text", "text": text}),
            Cell::Failed(failure) => json!({
                "kind": "failure", "text": failure.to_string(), "why": failure.detail(),
            }),
        }
    }
}

/// `median [lowest–highest]`, to about three digits.
impl fmt::Display for Cell {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (samples, unit) = match self {
            Cell::Ratio(samples) => (samples, " x"),
            Cell::Amount(samples) => (samples, ""),
            Cell::Text(text) => return write!(out, "{text}"),
            Cell::Failed(failure) => return write!(out, "{failure}"),
        };
        write!(out, "{}{unit}", Digits(samples.median()))?;
        if samples.rounds() > 1 {
            write!(out, " [{}-{}]", Digits(samples.lowest()), Digits(samples.highest()))?;
        }
        Ok(())
    }
}

struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            size if size >= 100.0 => write!(out, "{:.0}", self.0),
            size if size >= 10.0 => write!(out, "{:.1}", self.0),
            _ => write!(out, "{:.2}", self.0),
        }
    }
}

pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
    notes: Vec<String>,
}

impl Table {
    /// `columns` beside the first, which holds the names of the rows. The JSON file goes by their names.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Table {
        let names: BTreeSet<&str> = columns.iter().copied().collect();
        assert_eq!(names.len(), columns.len(), "no two columns have one name");
        Table {
            title: title.into(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A row that failed altogether ends early.
    pub fn row(&mut self, name: impl Into<String>, cells: Vec<Cell>) {
        assert!(cells.len() <= self.columns.len());
        let name = name.into();
        for cell in &cells {
            if let Cell::Failed(failure) = cell
                && let Some(detail) = failure.detail()
            {
                self.note(format!("{name}: {failure}: {detail}"));
            }
        }
        self.rows.push((name, cells));
    }

    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(name, cells)| {
                let cells: Map<String, Value> =
                    self.columns.iter().cloned().zip(cells.iter().map(Cell::json)).collect();
                json!({"name": name, "cells": cells})
            })
            .collect();
        json!({"title": self.title, "rows": rows, "notes": self.notes})
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "## {}\n", self.title)?;
        let mut lines = vec![vec![String::new()]];
        lines[0].extend(self.columns.iter().cloned());
        for (name, cells) in &self.rows {
            let cells = cells.iter().map(Cell::to_string);
            let mut line: Vec<String> = std::iter::once(name.clone()).chain(cells).collect();
            line.resize(self.columns.len() + 1, String::new());
            lines.push(line);
        }
        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..=self.columns.len()).map(width).collect();
        for (number, line) in lines.iter().enumerate() {
            for (cell, &width) in line.iter().zip(&widths) {
                write!(out, "| {cell:width$} ")?;
            }
            writeln!(out, "|")?;
            if number == 0 {
                for &width in &widths {
                    write!(out, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(out, "|")?;
            }
        }
        for note in &self.notes {
            writeln!(out, "\n{note}")?;
        }
        Ok(())
    }
}

/// All tables of a run, and what it ran on.
pub struct Report {
    head: Map<String, Value>,
    sections: Map<String, Value>,
}

impl Report {
    pub fn new(bench: &Bench) -> Report {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned()))
            .unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
        println!("Linux {kernel}, {cores} cores, {processor}; load {load} at the start\n");
        let head = json!({
            "kernel": kernel, "processor": processor, "cores": cores, "unix_time": seconds,
            "load_at_start": load, "rounds": bench.rounds, "quick": bench.quick,
        });
        let Value::Object(head) = head else { unreachable!("an object, as written above") };
        Report { head, sections: Map::new() }
    }

    pub fn add(&mut self, section: &str, table: Table) {
        let tables = self.sections.entry(section).or_insert_with(|| json!([]));
        tables.as_array_mut().expect("made as an array").push(table.json());
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut all = self.head.clone();
        all.insert("sections".to_owned(), Value::Object(self.sections.clone()));
        let text = serde_json::to_string_pretty(&all).expect("plain data");
        std::fs::write(path, text + "\n")
    }
}
