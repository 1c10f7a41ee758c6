//! How rates are written: `read=200/1s,6000/1m; write=20/1s burst 40; key.read=2000/1s`.
//!
//! Rules are separated by `;` or the end of a line, and `#` begins a comment.

use std::str::FromStr;

use super::{ByClass, KEY_FACTOR, KeyRates, LimitClass, Rate, RateLimits, WINDOWS_MAX, Windows};

/// Why a text is no rates, and at which place of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {rule:?}: {fault}")]
pub struct BadRates {
    line: usize,
    rule: String,
    fault: String,
}

const NO_CLASS: &str =
    "there are the classes read, search and write, and key.read, key.search and key.write";
const NO_RATE: &str = "a rate is NUMBER/WINDOW, like 200/1s or 6000/1m burst 9000, or off";
const NO_NUMBER: &str = "a number of requests is from 1 to 1000000";
const NO_WINDOW: &str = "a window is a whole number of s, m, h or d, from 1s to 1d";
const NO_BURST: &str = "a burst is from 1 to 1000000, and at most 100 windows' worth";

/// One rule: what it is for, and what that may do.
struct Rule {
    of_keys: bool,
    class: LimitClass,
    windows: Windows,
}

impl FromStr for RateLimits {
    type Err = BadRates;

    /// Reads `default`, `off`, or rules. A class that is not named is as by default; with a key, ten
    /// times what clients without one may do.
    fn from_str(text: &str) -> Result<Self, BadRates> {
        let named = rules(text);
        match named.as_slice() {
            [(_, "default")] => return Ok(Self::default()),
            [(_, "off")] => return Ok(Self::off()),
            _ => {}
        }
        let [mut anonymous, mut key] = [const { [const { None }; LimitClass::ALL.len()] }; 2];
        for (line, text) in named {
            let bad = |fault| BadRates { line, rule: text.to_owned(), fault };
            let rule = rule(text).map_err(bad)?;
            let place = if rule.of_keys { &mut key } else { &mut anonymous };
            if place[rule.class as usize].replace(rule.windows).is_some() {
                return Err(bad("this class has a rule already".to_owned()));
            }
        }
        let default = Self::default().anonymous.0;
        let mut default = default.into_iter();
        let anonymous = anonymous.map(|given: Option<Windows>| {
            let default = default.next().unwrap_or_default();
            given.unwrap_or(default)
        });
        let mut more = anonymous.iter().map(|windows| windows.times(KEY_FACTOR));
        let key = key.map(|given: Option<Windows>| {
            let more = more.next().unwrap_or_default();
            given.unwrap_or(more)
        });
        Ok(Self { anonymous: ByClass(anonymous), key: ByClass(key), spares_local: false })
    }
}

impl FromStr for KeyRates {
    type Err = BadRates;

    /// Reads rules without `key.`, as they are all for one key.
    fn from_str(text: &str) -> Result<Self, BadRates> {
        let mut rates = Self::default();
        for (line, text) in rules(text) {
            let bad = |fault| BadRates { line, rule: text.to_owned(), fault };
            let rule = rule(text).map_err(bad)?;
            if rule.of_keys {
                return Err(bad("name the class alone: these rules are for one key".to_owned()));
            }
            if rates.0[rule.class as usize].replace(rule.windows).is_some() {
                return Err(bad("this class has a rule already".to_owned()));
            }
        }
        Ok(rates)
    }
}

/// The rules of a text, each with its line's number.
fn rules(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    let uncommented = lines.map(|(n, line)| (n + 1, line.split('#').next().unwrap_or_default()));
    uncommented
        .flat_map(|(n, line)| line.split(';').map(move |rule| (n, rule.trim())))
        .filter(|(_, rule)| !rule.is_empty())
        .collect()
}

fn rule(text: &str) -> Result<Rule, String> {
    let (name, rates) = text.split_once('=').ok_or("a rule is CLASS=RATE, like read=200/1s")?;
    let name = name.trim();
    let (of_keys, class) = match name.strip_prefix("key.") {
        Some(class) => (true, class),
        None => (false, name),
    };
    let class = LimitClass::ALL.into_iter().find(|one| one.name() == class).ok_or(NO_CLASS)?;
    if rates.trim() == "off" {
        return Ok(Rule { of_keys, class, windows: Windows::OFF });
    }
    let mut windows = rates.split(',').map(rate).collect::<Result<Vec<Rate>, &str>>()?;
    windows.sort_unstable_by_key(|rate| rate.window_s);
    if windows.windows(2).any(|pair| pair[0].window_s == pair[1].window_s) {
        return Err("two of the windows are as long".to_owned());
    }
    if windows.len() > WINDOWS_MAX {
        return Err(format!("a class has at most {WINDOWS_MAX} windows"));
    }
    Ok(Rule { of_keys, class, windows: Windows(windows) })
}

fn rate(text: &str) -> Result<Rate, &'static str> {
    let (count, rest) = text.split_once('/').ok_or(NO_RATE)?;
    let count = number(count.trim()).ok_or(NO_NUMBER)?;
    let mut words = rest.split_whitespace();
    let window_s = words.next().and_then(window).ok_or(NO_WINDOW)?;
    Rate::new(count, window_s, count).ok_or(NO_NUMBER)?;
    let burst = match (words.next(), words.next(), words.next()) {
        (None, ..) => count,
        (Some("burst"), Some(burst), None) => number(burst).ok_or(NO_BURST)?,
        _ => return Err(NO_RATE),
    };
    Rate::new(count, window_s, burst).ok_or(NO_BURST)
}

/// Digits alone: no sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Seconds of a window: `10s`, `1m`, and `s` for `1s`.
fn window(text: &str) -> Option<u32> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count = match &text[..text.len() - 1] {
        "" => 1,
        count => number(count)?,
    };
    count.checked_mul(seconds).filter(|seconds| (1..=super::WINDOW_MAX).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<RateLimits>().unwrap().to_string()
    }

    fn fault(text: &str) -> String {
        text.parse::<RateLimits>().unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_named_is_as_by_default_and_ten_times_that_with_a_key() {
        assert_eq!(
            read("read=100/1s, 6000/1m;key.write=5/s"),
            "read=100/1s,6000/1m; search=50/1s burst 100; write=20/1s burst 40; \
             key.read=1000/1s,60000/1m; key.search=500/1s burst 1000; key.write=5/1s"
        );
        assert_eq!(read("write=off"), read(" write = off ; key.write=off;"));
    }

    #[test]
    fn windows_are_ordered_and_units_the_largest_that_fit() {
        let text = read("read=9/86400s burst 900, 5/120s, 7/60s, 3/s");
        assert!(text.starts_with("read=3/1s,7/1m,5/2m,9/1d burst 900; "), "{text}");
    }

    #[test]
    fn what_is_shown_reads_as_the_same() {
        for text in ["default", "off", "read=1/1s", "search=off; key.read=5/1h,2/1m burst 3"] {
            let limits: RateLimits = text.parse().unwrap();
            assert_eq!(limits.to_string().parse::<RateLimits>().unwrap(), limits, "{text}");
        }
        let one: KeyRates = "write=off; read=5/1s burst 6".parse().unwrap();
        assert_eq!(one.to_string(), "read=5/1s burst 6; write=off");
    }

    #[test]
    fn only_the_default_spares_clients_on_this_machine() {
        assert!("default".parse::<RateLimits>().unwrap().spares_local);
        for text in ["off", "read=1/1s", "", "# nothing\n"] {
            assert!(!text.parse::<RateLimits>().unwrap().spares_local, "{text}");
        }
    }

    #[test]
    fn a_file_has_a_rule_a_line_and_comments() {
        let file = "# limits\n\nread = 5/1s  # five\r\nkey.read = 6/1s; write=1/1s\n";
        assert_eq!(read(file), read("read=5/1s; key.read=6/1s; write=1/1s"));
    }

    #[test]
    fn a_fault_names_its_line_its_rule_and_what_is_wrong() {
        insta::assert_snapshot!(
            [
                "read",
                "read=5/1s\nraed=5/1s",
                "key.key.read=5/1s",
                "read=5",
                "read=0/1s",
                "read=-1/1s",
                "read=2000000/1s",
                "read=5/1",
                "read=5/0s",
                "read=5/2d",
                "read=5/é",
                "read=5/1s burst",
                "read=5/1s burst 501",
                "read=5/1s burst 5 more",
                "read=5/1s,6/1s",
                "read=1/1s,1/2s,1/3s,1/4s,1/5s",
                "read=5/1s; read=6/1s",
                "off; read=5/1s",
            ]
            .map(fault)
            .join("\n")
        );
        let one = "key.read=5/1s".parse::<KeyRates>().unwrap_err().to_string();
        assert!(one.contains("for one key"), "{one}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z0-9=/;,. \n#é-]{0,40}") {
            let _ = text.parse::<RateLimits>();
        }
    }
}
