//! `marquee evaluate` on a file whose answer is known.

use std::fmt::Write as _;

use super::output;

/// Users who walk along a circle of 30 items, each from another place: what comes next follows from the order
/// alone.
fn walks(separator: &str) -> String {
    let mut text = String::new();
    for user in 0..90 {
        for step in 0..8 {
            let (item, time) = ((user * 7 + step) % 30, user * 100 + step);
            writeln!(text, "{user}{separator}{item}{separator}5{separator}{time}").unwrap();
        }
    }
    text
}

fn evaluate(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = output(&[&["evaluate"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn evaluate_prints_a_table_and_writes_a_page_and_is_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("a.csv"), format!("user,item,value,time\n{}", walks(","))).unwrap();
    let packed = {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(walks("::").as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    std::fs::write(file("a.dat.gz"), packed).unwrap();
    let page = file("report.html");
    let (code, table, errors) = evaluate(&[&file("a.csv"), "--resamples=100", "--report", &page]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(table.contains("90 users asked about, 30 items"), "{table}");
    let row = |name: &str| {
        let row = table.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        let figure = row.trim_start()[name.len()..].split_whitespace().next().unwrap();
        figure.parse::<f64>().unwrap()
    };
    assert!(row("Marquee") > 0.99, "{table}");
    assert!(row("popularity") < 0.7, "{table}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.matches("<svg").count() >= 3 && page.contains("HR@10"));
    let again = evaluate(&[&file("a.dat.gz"), "--resamples=100"]);
    assert_eq!(again, (Some(0), table, String::new()));
}

#[test]
fn evaluate_says_which_line_makes_no_sense_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("a.csv").display().to_string();
    let (code, _, errors) = evaluate(&[&name]);
    assert_eq!((code, errors.lines().count()), (Some(66), 1), "{errors}");
    std::fs::write(&name, "1,a,7,1\n2,b,bad,1\n").unwrap();
    let (code, _, errors) = evaluate(&[&name]);
    assert_eq!(
        (code, errors),
        (Some(65), format!("marquee: {name}: line 2: value is no number\n"))
    );
    std::fs::write(&name, "1,a,7,1\n").unwrap();
    let (code, _, errors) = evaluate(&[&name]);
    assert_eq!(code, Some(65));
    assert!(errors.contains("too few interactions"), "{errors}");
}
