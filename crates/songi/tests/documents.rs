//! The documents at the root of the repository lead where they say.

use std::path::{Path, PathBuf};
use std::{fs, io};

const DOCUMENTS: [&str; 11] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "docs/architecture.md",
    "docs/cli.md",
    "docs/compatibility.md",
    "docs/emit-cheatsheet.md",
    "docs/from-nodejs.md",
    "docs/guide.md",
    "docs/strictness.md",
];

#[test]
fn every_link_to_a_file_leads_to_one() -> io::Result<()> {
    let mut checked = 0;
    for document in DOCUMENTS {
        let path = root().join(document);
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        for target in links(&fs::read_to_string(&path)?) {
            assert!(folder.join(&target).exists(), "{document}: {target}");
            checked += 1;
        }
    }
    assert!(checked > 0, "no link was found");
    Ok(())
}

/// Where the links of a document lead that are not to the web.
fn links(text: &str) -> Vec<String> {
    // What stands between backticks is code.
    let prose: String = text.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .map(str::to_owned)
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn links_are_found_and_the_web_is_left_out() {
    let text = "[a](b.md) and [`c`](../d/e.rs#f), [g](https://h.example/), [i](#j), `k[1](l)`";
    assert_eq!(links(text), ["b.md", "../d/e.rs"]);
}
