//! The choice of a Python, and the check that no other user could have put it there.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::{io, process};

use super::*;

/// This depends on who owns the environment and each directory above it, and on who may write to them.
#[test]
fn an_environment_is_used_only_if_nobody_else_can_have_put_it_there() -> io::Result<()> {
    let top = env::temp_dir().canonicalize()?;
    let top = top.join(format!("outliers-{}", process::id()));
    let environment = top.join("target/python");
    fs::create_dir_all(&environment)?;
    let marker = environment.join("outliers-ready");
    let made_for = |path: &Path| fs::write(&marker, [path.as_os_str().as_bytes(), b"\n"].concat());
    assert!(!is_ours(&environment), "it is not marked as ready");
    made_for(&top)?;
    assert!(!is_ours(&environment), "made for another checkout");
    made_for(&environment)?;
    assert!(is_ours(&environment));
    assert!(!is_ours(Path::new("")));
    let link = top.join("link/python");
    symlink(top.join("target"), top.join("link"))?;
    made_for(&link)?;
    assert!(!is_ours(&link), "a link leads there");
    made_for(&environment)?;

    let (user, group) = (fs::metadata(&top)?.uid(), fs::metadata(&top)?.gid());
    for directory in [&top, &top.join("target"), &environment] {
        let mode = |mode| fs::set_permissions(directory, fs::Permissions::from_mode(mode));
        let is_safe = |safe, why: &str| {
            assert_eq!(is_ours(&environment), safe, "{why}: {directory:?}");
        };
        for (bits, safe) in [(0o777, false), (0o1777, true), (0o775, user == group)] {
            mode(bits)?;
            is_safe(safe, &format!("{bits:o}"));
        }
        mode(0o755)?;
        if user != 0 {
            eprintln!("SKIPPED: only root can give a directory to the user nobody");
            continue;
        }
        chown(directory, Some(65534), None)?;
        is_safe(false, "nobody's");
        chown(directory, Some(0), Some(65534))?;
        is_safe(true, "nobody's group may not write");
        mode(0o775)?;
        is_safe(false, "nobody's group may write");
        chown(directory, Some(0), Some(group))?;
        mode(0o755)?;
    }
    fs::remove_dir_all(&top)
}

#[test]
fn if_the_python_of_the_build_is_gone_path_has_another_or_the_error_says_what_to_do()
-> io::Result<()> {
    let build = Build {
        linked: &Version::parse("3.11.7").unwrap_or_default(),
        python: Path::new("/nonexistent/python"),
        development: Path::new("/nonexistent"),
    };
    let here = Build {
        python: Path::new("/bin/sh"),
        ..build
    };
    let choice = choose(|_| None, &here).map(|choice| (choice.python, choice.rule));
    assert_eq!(choice, Ok(("/bin/sh".into(), Rule::Linked)));

    let gone = "the Python that this program was built with is gone from /nonexistent/python, and PATH \
                has no python3.11; install it, for example with apt install python3.11, or name one: \
                OUTLIERS_PYTHON=/path/to/python";
    assert_eq!(choose(|_| None, &build), Err(gone.into()));
    let directory = env::temp_dir().join(format!("outliers-path-{}", process::id()));
    let path = OsString::from(format!(".:/nonexistent:{}", directory.display()));
    fs::create_dir(&directory)?;
    // Scripts that answer as a Python does. A shell writes them, as in `common::script`.
    for (name, version, is_right) in [("python", "3.12.1", false), ("python3", "3.11.2", true)] {
        let answer = format!("printf '{version}\\n/{name}'");
        let write = "printf '#!/bin/sh\n%s' \"$1\" >\"$0\" && chmod +x \"$0\"";
        let mut shell = process::Command::new("sh");
        shell.args(["-c", write]).arg(directory.join(name));
        assert!(shell.arg(answer).status()?.success());
        let chosen = choose(|name| (name == "PATH").then(|| path.clone()), &build)
            .map(|choice| (choice.python, choice.version.to_string(), choice.rule));
        let right = (format!("/{name}").into(), version.into(), Rule::Path);
        assert_eq!(chosen, is_right.then_some(right).ok_or(gone.into()));
    }
    fs::remove_dir_all(&directory)
}

/// Neither would find the modules of the other. `pyvenv.cfg` does not tell them apart.
#[test]
fn an_environment_of_a_free_threaded_python_is_not_used_with_the_lock_nor_the_other_way_round()
-> io::Result<()> {
    let top = env::temp_dir().join(format!("outliers-free-threaded-{}", process::id()));
    for (directory, version) in [("python3.14", "3.14.2"), ("python3.14t", "3.14.2t")] {
        let environment = top.join(directory);
        fs::create_dir_all(environment.join("bin"))?;
        fs::create_dir_all(environment.join("lib").join(directory))?;
        fs::write(environment.join("bin/python"), "")?;
        fs::write(
            environment.join("pyvenv.cfg"),
            "home = /usr/bin\nversion = 3.14.2\n",
        )?;
        for linked in ["3.14.0", "3.14.0t"] {
            let build = Build {
                linked: &Version::parse(linked).unwrap_or_default(),
                python: Path::new("/nonexistent"),
                development: Path::new(""),
            };
            let chosen = choose(
                |name| (name == "VIRTUAL_ENV").then(|| environment.clone().into()),
                &build,
            );
            if version.ends_with('t') == linked.ends_with('t') {
                assert_eq!(
                    chosen.map(|choice| choice.version.to_string()),
                    Ok(version.to_owned())
                );
            } else {
                let problem = chosen.err().unwrap_or_default();
                let expected = format!("VIRTUAL_ENV leads to Python {version} (");
                assert!(problem.starts_with(&expected), "{problem}");
                assert!(
                    problem.contains(&format!("linked with Python {linked};")),
                    "{problem}"
                );
            }
        }
    }
    fs::remove_dir_all(&top)
}
