//! The page of lessons shows measured counts, and works in a real browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{directory, outcome, outliers, skipped};

/// The page, made by a run of all lessons.
fn page(directory: &Path) -> String {
    let file = directory.join("page.html");
    let mut command = outliers();
    command.args(["refcounts", "--page"]).arg(&file);
    let (status, stdout, stderr) = outcome(&command.output().unwrap());
    assert_eq!((status, stdout.as_str()), (Some(0), ""));
    assert!(
        stderr.starts_with("outliers: wrote ") && stderr.ends_with("page.html\n"),
        "{stderr}"
    );
    fs::read_to_string(file).unwrap()
}

fn lessons(page: &str) -> Vec<Value> {
    let data = page.split_once("const LESSONS = ").unwrap().1;
    serde_json::from_str(data.split_once(";\nconst $").unwrap().0).unwrap()
}

/// An object whose count differs from the number of owned arrows that end at it.
fn unexplained(picture: &Value) -> Option<&Value> {
    let list = |key: &str| picture[key].as_array().unwrap();
    let owned = |number: usize| {
        let variables = list("variables").iter();
        let owns = |v: &&Value| v["ownership"] == "Owned" || v["ownership"] == "Lost";
        let of_variables = variables.filter(owns).filter(|v| v["object"] == number);
        let references = list("references").iter();
        of_variables.count() + references.filter(|arrow| arrow[1] == number).count()
    };
    let mut objects = list("objects").iter().enumerate();
    objects
        .find(|(number, object)| !object["count"].is_null() && object["count"] != owned(*number))
        .map(|(_, object)| object)
}

#[test]
fn every_count_on_the_page_is_the_number_of_arrows() {
    if crate::common::is_tested_before() {
        return;
    }
    let page = page(&directory("page_data"));
    assert!(
        !page.contains("http:") && !page.contains("https:"),
        "the page loads something"
    );
    let (mut pictures, mut fatal, mut lost) = (0, 0, 0);
    for lesson in lessons(&page)
        .iter()
        .filter(|lesson| lesson["drawn"] == true)
    {
        let steps = lesson["steps"].as_array().unwrap();
        for (index, step) in steps.iter().enumerate() {
            let found = unexplained(&step["picture"]);
            lost += i32::from(step.to_string().contains("\"Lost\""));
            // Here the over-release is the mistake: the list still refers to the freed item.
            if lesson["name"] == "mistake-release-borrowed" && index >= 2 {
                assert!(found.is_some());
                fatal += 1;
            } else {
                assert!(
                    found.is_none(),
                    "{}, {}: {found:?}",
                    lesson["name"],
                    step["call"]
                );
            }
            pictures += 1;
        }
        if let Some(end) = lesson["end"].as_str() {
            assert_eq!(
                steps.last().unwrap()["measured"],
                steps.last().unwrap()["expected"]
            );
            assert!(end.contains("SIGSEGV"), "{lesson}");
        }
    }
    println!("cases: {pictures}");
    assert!(pictures > 110 && fatal == 2, "{pictures}, {fatal}");
    // In two steps, code forgets to release a reference.
    assert_eq!(lost, 2);
}

fn chromium() -> Option<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let there = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    let name = names.iter().find(there);
    if name.is_none() {
        skipped("the page needs Chromium, which is not installed: apt install chromium");
    }
    let mut command = Command::new(name?);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1200,1000",
    ]);
    Some(command)
}

#[test]
fn a_browser_steps_through_the_page_in_both_schemes() {
    if crate::common::is_tested_before() {
        return;
    }
    let here = directory("page_browser");
    let listens = "<script>window.errors = []; addEventListener('error', (e) => errors.push(e.message)); \
                   addEventListener('securitypolicyviolation', (e) => errors.push(e.violatedDirective));</script>";
    let looks = format!("<script>{}</script>\n</body>", include_str!("browser.js"));
    if chromium().is_none() {
        return;
    }
    let page = page(&here)
        .replace("<title>", &format!("{listens}<title>"))
        .replace("</body>", &looks);
    fs::write(here.join("looked_at.html"), page).unwrap();
    for (scheme, setting) in [("light", 1), ("dark", 0)] {
        let mut command = chromium().unwrap();
        command.arg(format!("--user-data-dir={}", here.join(scheme).display()));
        command.arg(format!("--blink-settings=preferredColorScheme={setting}"));
        command.args(["--virtual-time-budget=5000", "--dump-dom"]);
        command.arg(format!(
            "file://{}#whole-call/3",
            here.join("looked_at.html").display()
        ));
        let (_, dom, stderr) = outcome(&command.output().unwrap());
        let report = dom
            .split_once("<pre id=\"report\">")
            .map_or("", |(_, report)| report);
        let report = report.split("</pre>").next().unwrap();
        let (head, wrong) = report.split_once('\n').unwrap_or((report, &stderr));
        assert!(
            head.starts_with(scheme) && head.ends_with(" pictures"),
            "{head}: {stderr}"
        );
        assert_eq!(wrong.trim(), "end of report");
        println!("cases: {}", head.split(' ').nth(1).unwrap());
        let picture = here.join(format!("{scheme}.png"));
        let mut command = chromium().unwrap();
        command.arg(format!("--user-data-dir={}", here.join(scheme).display()));
        command.arg(format!("--blink-settings=preferredColorScheme={setting}"));
        command.arg(format!("--screenshot={}", picture.display()));
        command.arg(format!(
            "file://{}#thin-ice/4",
            here.join("page.html").display()
        ));
        command.output().unwrap();
        assert!(
            picture.metadata().unwrap().len() > 10_000,
            "{}",
            picture.display()
        );
    }
}
