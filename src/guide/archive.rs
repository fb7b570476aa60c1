//! A package as the registry publishes packages, the same bytes for the same files.

use super::json::{Object, array};
use super::{Guide, MANIFEST};
use flate2::{Compression, GzBuilder};
use std::io::{self, Write};

/// Properties of a resource that the index repeats.
const INDEXED: &[&str] = &["resourceType", "id", "url", "version", "kind", "type"];

pub(super) fn write(guide: &Guide) -> io::Result<Vec<u8>> {
    // The builder writes neither a time nor the name of a system.
    let gzip = GzBuilder::new().operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    add(&mut tar, MANIFEST, &guide.manifest_text)?;
    add(&mut tar, ".index.json", &index(guide))?;
    for (name, text) in guide.completed() {
        add(&mut tar, &name, &text)?;
    }
    tar.into_inner()?.finish()
}

fn add(tar: &mut tar::Builder<impl Write>, name: &str, text: &str) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    tar.append_data(&mut header, format!("package/{name}"), text.as_bytes())
}

/// What the package holds, for those who look only here.
fn index(guide: &Guide) -> String {
    let entry = |resource: &super::Resource| {
        let mut entry = Object::default();
        entry.text("filename", &resource.file);
        for name in INDEXED {
            entry.copy(name, &resource.value);
        }
        entry.end()
    };
    let files: Vec<String> = guide.resources.values().map(entry).collect();
    let mut index = Object::default();
    index.raw("index-version", "1").raw("files", &array(&files));
    format!("{}\n", index.end())
}
