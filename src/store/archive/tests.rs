//! Archives of small trees: byte for byte, and nothing lost whatever breaks.

use jiff::civil::date;

use super::*;

const TODAY: Date = date(2026, 2, 3);

/// A tree with files of two months: text, binary, without a last line feed, empty.
fn tree(name: &str) -> (PathBuf, Vec<(String, Vec<u8>)>) {
    let root = std::env::temp_dir().join(format!("mia-archive-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    let binary: Vec<u8> = (0..=255_u8).cycle().take(200_000).collect();
    let files: Vec<(String, Vec<u8>)> = [
        ("orderflow/es_orderflow_20260105/es_tick_data_143000.json", b"[\n{\"a\":1}\n]\n".to_vec()),
        ("orderflow/es_orderflow_20260105/es_dom_143000.json", binary),
        ("orderflow/es_orderflow_20260130/es_dom_143000.json", b"no line feed".to_vec()),
        ("orderflow/vix_data_20260131.json", Vec::new()),
        ("orderflow/manifest_orderflow_20260105.json", b"{\"path\":\"x\"}\n".to_vec()),
        ("orderflow/vix_data_20260201.json", b"of the month that goes on".to_vec()),
        ("orderflow/notes.json", b"no date".to_vec()),
        ("orderflow/.es_dom_20260105.json.1.part", b"torn".to_vec()),
    ]
    .map(|(path, content)| (path.to_owned(), content))
    .into();
    for (path, content) in &files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("folder");
        std::fs::write(path, content).expect("written");
    }
    (root, files)
}

fn january() -> Month {
    Month::parse("202601").expect("a month")
}

fn packed(root: &Path) -> Packed {
    pack(root, Family::Orderflow, january(), TODAY).expect("packs").expect("there are files")
}

#[test]
fn round_trip_byte_for_byte() {
    let (root, files) = tree("round");
    let made = packed(&root);
    assert_eq!(made.path, root.join("archive/orderflow_archive_202601.gz"));
    assert_eq!((made.files, made.new), (5, 5), "those of the month");
    assert_eq!(made.skipped.len(), 1, "{:?}", made.skipped);
    // Nothing else was touched, and a second time changes no byte.
    let before = std::fs::read(&made.path).expect("archive");
    let again = packed(&root);
    assert_eq!((again.files, again.new), (5, 0));
    assert_eq!(std::fs::read(&made.path).expect("archive"), before);
    assert!(files.iter().all(|(path, _)| root.join(path).is_file()));

    let (gone, stayed) = take_away(&root, Family::Orderflow, january()).expect("removes");
    assert_eq!((gone, stayed.len()), (5, 1), "{stayed:?}");
    assert!(!root.join("orderflow/es_orderflow_20260130").exists(), "an empty day goes");
    assert!(root.join("orderflow/vix_data_20260201.json").is_file());
    assert!(root.join("orderflow/notes.json").is_file());
    assert_eq!(packed(&root).new, 0, "an archive without its originals stays as it is");

    let to = root.join("elsewhere");
    assert_eq!(extract(&made.path, &to).expect("unpacks"), (5, 0));
    for (path, content) in files.iter().take(5) {
        assert_eq!(&std::fs::read(to.join(path)).expect(path), content, "{path}");
    }
    assert_eq!(extract(&made.path, &root).expect("restores"), (5, 0));
    assert_eq!(extract(&made.path, &root).expect("again"), (0, 5));
    assert_eq!(packed(&root).new, 0);
    std::fs::remove_dir_all(root).expect("clean up");
}

/// Header lines and contents, as the format says.
#[test]
fn the_format_is_a_contract() {
    let (root, files) = tree("format");
    let made = packed(&root);
    let mut text = Vec::new();
    let file = File::open(&made.path).expect("archive");
    flate2::read::GzDecoder::new(file).read_to_end(&mut text).expect("gzip");
    let mut expected = Vec::new();
    let mut sorted: Vec<_> = files.iter().take(5).collect();
    sorted.sort();
    for (path, content) in sorted {
        let sha256 = crate::store::manifest::sha256(content);
        let bytes = content.len();
        let line = format!("{{\"path\":\"{path}\",\"bytes\":{bytes},\"sha256\":\"{sha256}\"}}\n");
        expected.extend(line.into_bytes());
        expected.extend(content);
    }
    assert!(text == expected, "{}", String::from_utf8_lossy(&text));
    std::fs::remove_dir_all(root).expect("clean up");
}

#[test]
fn a_damaged_archive_removes_nothing() {
    let (root, files) = tree("damaged");
    let made = packed(&root);
    let whole = std::fs::read(&made.path).expect("archive");
    let mut damaged = vec![whole[..whole.len() / 2].to_vec(), Vec::new(), b"no gzip".to_vec()];
    damaged.push([whole.as_slice(), b"more"].concat());
    for at in [20, whole.len() / 3, whole.len() - 6] {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        damaged.push(flipped);
    }
    for content in damaged {
        std::fs::write(&made.path, &content).expect("written");
        let error = take_away(&root, Family::Orderflow, january());
        // An empty file is an archive of nothing: what is not in it stays.
        if let Ok((gone, _)) = error {
            assert_eq!((gone, content.len()), (0, 0));
        }
        assert!(files.iter().all(|(path, _)| root.join(path).is_file()));
        assert!(content.is_empty() || pack(&root, Family::Orderflow, january(), TODAY).is_err());
        assert_eq!(std::fs::read(&made.path).expect("archive"), content, "left as it is");
    }
    std::fs::remove_dir_all(root).expect("clean up");
}

#[test]
fn what_came_later_joins_and_what_changed_is_refused() {
    let (root, _) = tree("later");
    let made = packed(&root);
    take_away(&root, Family::Orderflow, january()).expect("removes");
    let late = root.join("orderflow/vix_data_20260120.json");
    std::fs::write(&late, "late").expect("written");
    let joined = packed(&root);
    assert_eq!((joined.files, joined.new), (6, 1), "those that are gone are still in it");
    std::fs::write(&late, "changed").expect("written");
    let error = pack(&root, Family::Orderflow, january(), TODAY).expect_err("another file");
    assert!(error.to_string().contains("vix_data_20260120.json"), "{error:#}");
    let (gone, stayed) = take_away(&root, Family::Orderflow, january()).expect("looks");
    assert_eq!(gone, 0);
    assert!(stayed.iter().any(|text| text.contains("vix_data_20260120.json")), "{stayed:?}");
    let error = extract(&made.path, &root).expect_err("it is there");
    assert!(format!("{error:#}").contains("put it away"), "{error:#}");
    assert_eq!(std::fs::read(&late).expect("kept"), b"changed");
    std::fs::remove_dir_all(root).expect("clean up");
}

#[test]
fn only_months_that_are_over() {
    let (root, _) = tree("over");
    let february = Month::parse("202602").expect("a month");
    let error = pack(&root, Family::Orderflow, february, TODAY).expect_err("goes on");
    assert!(error.to_string().contains("202602"), "{error}");
    assert!(!root.join("archive").exists());
    assert_eq!(pack(&root, Family::Trades, january(), TODAY).expect("looks"), None);
    assert_eq!(january().days_over(TODAY), Some(3));
    assert_eq!(january().days_over(date(2026, 1, 31)), None);
    assert_eq!(february.days_over(TODAY), None);
    let found: Vec<String> =
        months(&root, Family::Orderflow).expect("reads").iter().map(Month::to_string).collect();
    assert_eq!(found, ["202601", "202602"]);
    for text in ["", "2026", "202613", "2026-1", "20260101", "+20261"] {
        assert_eq!(Month::parse(text), None, "{text}");
    }
    std::fs::remove_dir_all(root).expect("clean up");
}

/// An archive of somebody else's making leads nowhere.
#[test]
fn paths_stay_inside() {
    let (root, _) = tree("paths");
    let path = root.join("hostile.gz");
    for name in ["../out", "/etc/out", "a/../../out", "a\\\\..\\\\out", "C:out", "", "./out"] {
        let head = format!("{{\"path\":\"{name}\",\"bytes\":1,\"sha256\":\"00\"}}\nx");
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(head.as_bytes()).expect("packs");
        std::fs::write(&path, out.finish().expect("packs")).expect("written");
        let error = extract(&path, &root.join("to")).expect_err(name);
        assert!(format!("{error:#}").contains("leads elsewhere"), "{name}: {error:#}");
    }
    assert!(!root.join("to").exists() && !root.join("out").exists());
    std::fs::remove_dir_all(root).expect("clean up");
}
