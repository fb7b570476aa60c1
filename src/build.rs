//! Embeds the unit systems of `mappings/`, so that a folder there is all that a new one needs, the profiles, whose
//! rules are explained in words that their compiled form does not have, and the suites of checks.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=mappings");
    println!("cargo:rerun-if-changed=profiles/StructureDefinition");
    println!("cargo:rerun-if-changed=src/build.rs");
    let mut table = String::from("[\n");
    let mut count = 0;
    for unit in entries(Path::new("mappings"))? {
        let lens = unit.join("unit.lens");
        if !lens.is_file() {
            continue;
        }
        writeln!(table, "Unit::new({:?}, {}, &[", name(&unit), included(&lens)).map_err(io::Error::other)?;
        let codes = unit.join("codes");
        if codes.is_dir() {
            for file in entries(&codes)? {
                let path = format!("codes/{}", name(&file));
                writeln!(table, "({path:?}, {}),", included(&file)).map_err(io::Error::other)?;
            }
        }
        table.push_str("]),\n");
        count += 1;
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("units.rs"), table)?;
    fs::write(out.join("units-count.rs"), format!("{count}"))?;
    println!("cargo:rerun-if-changed=conformance/shared-plan");
    fs::write(out.join("shared_plan.rs"), suite(Path::new("conformance/shared-plan"))?)?;
    let profiles: Vec<String> =
        entries(Path::new("profiles/StructureDefinition"))?.iter().map(|path| included(path)).collect();
    fs::write(out.join("profiles.rs"), format!("&[\n{}\n]\n", profiles.join(",\n")))
}

/// The scripts, fixtures and requirements of a suite of checks, by their names in its folder.
fn suite(folder: &Path) -> io::Result<String> {
    let mut table = String::from("&[\n");
    for inside in [folder.to_path_buf(), folder.join("fixtures")] {
        for path in
            entries(&inside)?.into_iter().filter(|path| path.extension().is_some_and(|end| end != "md"))
        {
            let below =
                path.strip_prefix(folder).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
            writeln!(table, "({below:?}, {}),", included(&path)).map_err(io::Error::other)?;
        }
    }
    table.push_str("]\n");
    Ok(table)
}

/// The content of a file of this package. Its folder is found when the package is compiled: a build folder that several
/// checkouts share may hand the table of one to another.
fn included(path: &Path) -> String {
    format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/\", {:?}))", path.to_string_lossy())
}

/// The entries of a folder by name, so that the build is the same everywhere.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
