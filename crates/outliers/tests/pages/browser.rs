//! The page of lessons shows measured counts, and works in a real browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use lessons::Picture;
use serde::Deserialize;
use serde_json::Value;

use crate::common::{directory, finished, outcome, outliers, skipped};

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
    serde_json::from_str(data.split_once(";\nconst UNDEFINED").unwrap().0).unwrap()
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
        .filter(|lesson| lesson["undrawn"].is_null())
    {
        let steps = lesson["steps"].as_array().unwrap();
        for (index, step) in steps.iter().enumerate() {
            let picture = Picture::deserialize(&step["picture"]).unwrap();
            let found = picture.unexplained();
            lost += i32::from(step.to_string().contains("\"Lost\""));
            // Here the over-release is the mistake: the list still refers to the freed item.
            let instead = step["call"]
                .as_str()
                .unwrap()
                .starts_with("/* or instead: */");
            if instead || lesson["name"] == "mistake-release-borrowed" && index >= 2 {
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
    assert!(pictures > 110 && fatal == 3, "{pictures}, {fatal}");
    // In three steps, code forgets to release a reference.
    assert_eq!(lost, 3);
}

pub fn chromium() -> Option<Command> {
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
    ]);
    Some(command)
}

/// What a page sends from a frame of that width.
pub fn heard(page: &Path, address: &str, width: u32, scheme: &str) -> Option<String> {
    let mut command = chromium()?;
    let around = page.with_file_name("around.html");
    let name = page.file_name().unwrap().display();
    let html = format!(
        "<pre id=\"heard\"></pre><script>onmessage = (e) => {{ heard.textContent = e.data; }}</script>\
         <iframe src=\"{name}#{address}\" style=\"width: {width}px; height: 1000px; border: 0\"></iframe>"
    );
    fs::write(&around, html).unwrap();
    let profile = page.with_extension(scheme);
    command.arg(format!("--user-data-dir={}", profile.display()));
    let setting = if scheme == "dark" { 0 } else { 1 };
    command.arg(format!("--blink-settings=preferredColorScheme={setting}"));
    command.args(["--virtual-time-budget=5000", "--dump-dom"]);
    command.arg(format!("file://{}", around.display()));
    let (_, dom, stderr) = outcome(&finished(command, "the browser"));
    let heard = dom.split_once("<pre id=\"heard\">").unwrap_or_default().1;
    let heard = heard.split("</pre>").next().unwrap_or_default();
    assert!(!heard.is_empty(), "{dom}{stderr}");
    Some(heard.into())
}

#[test]
fn a_browser_finds_no_fault_in_any_step_at_any_width() {
    if crate::common::is_tested_before() || chromium().is_none() {
        return;
    }
    let here = directory("page_browser");
    let listens = "<script>window.errors = []; addEventListener('error', (e) => errors.push(e.message)); \
                   addEventListener('securitypolicyviolation', (e) => errors.push(e.violatedDirective));</script>";
    let looks = format!("<script>{}</script>\n</body>", include_str!("browser.js"));
    let page = page(&here)
        .replace("<title>", &format!("{listens}<title>"))
        .replace("</body>", &looks);
    let file = here.join("looked_at.html");
    fs::write(&file, page).unwrap();
    for (width, scheme) in [(360, "light"), (768, "dark"), (1200, "light")] {
        let report = heard(&file, "whole-call/3", width, scheme).unwrap();
        let (head, wrong) = report.split_once('\n').unwrap_or_default();
        let start = format!("{width} px, {scheme}: ");
        assert!(head.starts_with(&start), "{report}");
        assert_eq!(wrong.trim(), "end of report", "{head}");
        println!("cases: {}", head.split(' ').nth(3).unwrap());
    }
}

#[test]
fn a_frame_shows_the_step_of_its_address_without_the_rest() {
    if crate::common::is_tested_before() || chromium().is_none() {
        return;
    }
    let here = directory("page_frame");
    let says = "<script>parent.postMessage([$('#place').textContent, $('nav').checkVisibility(), \
                $('#picture').checkVisibility(), $('#whole').href].join(' '), '*')</script>\n</body>";
    let file = here.join("framed.html");
    fs::write(&file, page(&here).replace("</body>", says)).unwrap();
    let heard = heard(&file, "thin-ice/7", 800, "light").unwrap();
    assert!(heard.starts_with("7 of 13 false true file:"), "{heard}");
    assert!(heard.ends_with("framed.html#thin-ice/7"), "{heard}");
}

#[test]
fn a_reload_keeps_the_answers() {
    if crate::common::is_tested_before() || chromium().is_none() {
        return;
    }
    let here = directory("page_reload");
    let says = "<script>if (answers.size > 0) parent.postMessage($('#score').textContent, '*'); \
                else { answer($('#choices button').dataset.choice); location.reload(); }</script>\n</body>";
    let file = here.join("reloaded.html");
    fs::write(&file, page(&here).replace("</body>", says)).unwrap();
    let heard = heard(&file, "new-reference/1/ask", 800, "light").unwrap();
    assert_eq!(heard, "0 of 1 right");
}

/// The function that the page shows for each lesson has the calls of all its steps.
#[test]
fn a_compiler_accepts_the_c_of_every_lesson() {
    let here = directory("page_listing");
    let include = "import sysconfig; print(sysconfig.get_path('include'))";
    let mut python =
        Command::new(std::env::var_os("PYTHON_SYS_EXECUTABLE").unwrap_or("python3".into()));
    let (_, include, _) = outcome(&python.args(["-c", include]).output().unwrap());
    if Command::new("cc").arg("--version").output().is_err()
        || !Path::new(include.trim()).join("Python.h").exists()
    {
        skipped("the lessons' C needs a C compiler and Python.h");
        return;
    }
    let mut cases = 0;
    for lesson in &lessons(&page(&here)) {
        let lines = lesson
            .pointer("/listing/lines")
            .unwrap()
            .as_array()
            .unwrap();
        let marked = lesson
            .pointer("/listing/marked")
            .unwrap()
            .as_array()
            .unwrap();
        assert_eq!(marked.len(), lesson["steps"].as_array().unwrap().len());
        let source: Vec<_> = lines.iter().map(|line| line.as_str().unwrap()).collect();
        let source = format!("#include <Python.h>\n{}\n", source.join("\n"));
        fs::write(here.join("lesson.c"), &source).unwrap();
        let mut compiler = Command::new("cc");
        compiler.current_dir(&here).args([
            "-fsyntax-only",
            "-Werror",
            "-Wall",
            "-Wno-unused",
            "-I",
            include.trim(),
        ]);
        let (status, _, stderr) = outcome(&compiler.arg("lesson.c").output().unwrap());
        assert_eq!(status, Some(0), "{source}{stderr}");
        cases += marked.len();
    }
    println!("cases: {cases}");
    assert!(cases > 190, "{cases}");
}
