//! The page in headless Chromium, driven over the protocol of chromedriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{findings, is_there, record_file, report};
use crate::support::compile::build_folder;

/// A browser with one page; it ends with this value.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    fn open(page: &Path) -> Browser {
        let profile = build_folder("formats").join(format!("profile-{}", std::process::id()));
        // The profile of an earlier run would remember the colours.
        let _ = std::fs::remove_dir_all(&profile);
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let output = BufReader::new(driver.stdout.take().expect("it is piped"));
        let port = output.lines().map_while(Result::ok).find_map(|line| {
            line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        let mut browser = Browser {
            driver,
            port: port.expect("chromedriver names its port"),
            session: String::new(),
        };
        let profile = format!("--user-data-dir={}", profile.display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
        ];
        let session = browser.post(
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }}}),
        );
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser.post_here("url", &json!({"url": format!("file://{}", page.display())}));
        browser
    }

    fn run(&self, script: &str) -> Value {
        self.post_here("execute/sync", &json!({"script": script, "args": []}))
    }

    fn post_here(&self, path: &str, body: &Value) -> Value {
        self.post(&format!("/session/{}/{path}", self.session), body)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.request("POST", path, &body.to_string());
        let mut answer: Value = serde_json::from_str(&answer).expect("an answer in JSON");
        assert!(answer["value"]["error"].is_null(), "{answer}");
        answer["value"].take()
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(300))).expect("a timeout");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .expect("it reads");
        let mut reader = BufReader::new(stream);
        let mut bytes = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("it answers");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(length) = line.strip_prefix("content-length:") {
                bytes = length.trim().parse().expect("a number");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; bytes];
        reader.read_exact(&mut answer).expect("it answers");
        String::from_utf8(answer).expect("UTF-8")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.request("DELETE", &format!("/session/{}", self.session), "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Values of `data-KEY` of what is shown, in its order.
fn shown(browser: &Browser, key: &str) -> Vec<String> {
    let script = format!(
        "return Array.from(document.querySelectorAll('.bug')).filter(it => !it.hidden).map(it => it.dataset.{key})"
    );
    let values = browser.run(&script);
    let texts = values.as_array().expect("a list").iter();
    texts.map(|value| value.as_str().expect("a text").to_owned()).collect()
}

fn click(browser: &Browser, selector: &str) {
    browser.run(&format!("document.querySelector('{selector}').click()"));
}

fn search(browser: &Browser, words: &str) {
    browser.run(&format!(
        "const it = document.getElementById('search'); it.value = '{words}'; it.dispatchEvent(new Event('input'))"
    ));
}

#[test]
fn the_page_sorts_and_searches() {
    if !is_there("chromium") || !is_there("chromedriver") {
        return;
    }
    let records = record_file("browser", findings::many(300));
    let merged = std::fs::read_to_string(report(&records, "jsonl")).expect("it was written");
    // What was found late joins the write that it is from.
    let count = merged.lines().filter(|line| line.contains("\"type\":\"bug\"")).count();
    assert!((100..=300).contains(&count));
    let browser = Browser::open(&report(&records, "html"));
    assert_eq!(shown(&browser, "kind").len(), count);

    click(&browser, "[data-sort=count]");
    let numbers = |key| -> Vec<u64> {
        shown(&browser, key).iter().map(|text| text.parse().expect("a number")).collect()
    };
    assert!(numbers("count").is_sorted_by(|a, b| a >= b), "the most first");
    click(&browser, "[data-sort=count]");
    assert!(numbers("count").is_sorted(), "the other way round");
    click(&browser, "[data-sort=kind]");
    let kinds = shown(&browser, "kind");
    assert!(kinds.first() != kinds.last());
    let firsts = |kind: &str| kinds.iter().position(|other| other == kind);
    assert!(firsts("double-free").expect("there are some") < firsts("wild-access").expect("too"));

    search(&browser, "Module7.c double-free");
    let found = shown(&browser, "kind");
    assert!(!found.is_empty() && found.iter().all(|kind| kind == "double-free"), "{found:?}");
    assert!(shown(&browser, "place").iter().all(|place| place.contains("module7.c")));
    search(&browser, "no such word");
    assert_eq!(shown(&browser, "kind"), [""; 0]);
    search(&browser, "");

    let colour = || browser.run("return getComputedStyle(document.body).backgroundColor");
    let before = colour();
    click(&browser, "#theme");
    assert_ne!(colour(), before);

    let id = browser.run("return document.querySelectorAll('.bug > details')[90].id");
    let id = id.as_str().expect("an anchor");
    browser.run(&format!("location.hash = '{id}'"));
    let is_open = format!(
        "return new Promise(done => setTimeout(() => done(document.getElementById('{id}').open), 0))"
    );
    assert_eq!(browser.run(&is_open), true);

    let widths = browser.run("return [document.documentElement.scrollWidth, innerWidth]");
    assert!(widths[0].as_u64() <= widths[1].as_u64(), "wider than the window: {widths}");
    let log = browser.post_here("se/log", &json!({"type": "browser"}));
    assert_eq!(log, json!([]), "the console has something to say");
}
