//! Seasons against what a naive calendar says, day by day and instant by instant.

use jiff::{
    Timestamp,
    civil::{Date, Weekday, date},
    tz::{TimeZone, TimeZoneDatabase},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::invalid::Faults;

fn seasons(value: &Value) -> Seasons {
    let mut faults = Faults::default();
    let seasons = read("", value, &mut faults);
    faults.or(()).expect("good seasons");
    seasons.expect("seasons")
}

fn faults(value: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    let seasons = read("/seasons", value, &mut faults);
    let told = match faults.or(()) {
        Ok(()) => Vec::new(),
        Err(invalid) => invalid.faults().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(seasons.is_none(), !told.is_empty(), "{told:?}");
    told
}

fn at(text: &str) -> Moment {
    Moment::parse(text).expect(text)
}

/// How things stand, in few words.
fn stands(seasons: &Seasons, moment: &str) -> String {
    let text = |moment: Option<Moment>| moment.map_or("-".to_owned(), |moment| moment.to_string());
    let Standing { active, since, until, next } = seasons.standing(at(moment));
    let next = next.map_or("-".to_owned(), |next| format!("{}/{}", next.since, next.until));
    format!("{} {} {} {next}", if active { "on" } else { "off" }, text(since), text(until))
}

#[test]
fn a_yearly_season_wraps_over_new_year_and_ends_with_its_last_day() {
    let winter = json!([{"from": "--12-20", "to": "--01-05", "timezone": "Europe/Berlin"}]);
    let winter = seasons(&winter);
    let on =
        "on 2026-12-19T23:00:00Z 2027-01-05T23:00:00Z 2027-12-19T23:00:00Z/2028-01-05T23:00:00Z";
    for moment in ["2026-12-19T23:00:00Z", "2026-12-31T23:59:59.999Z", "2027-01-05T22:59:59.999Z"] {
        assert_eq!(stands(&winter, moment), on, "{moment}");
    }
    assert_eq!(
        stands(&winter, "2026-12-19T22:59:59.999Z"),
        "off 2026-01-05T23:00:00Z 2026-12-19T23:00:00Z 2026-12-19T23:00:00Z/2027-01-05T23:00:00Z"
    );
    assert!(
        stands(&winter, "2027-01-05T23:00:00Z").starts_with("off 2027-01-05T23:00:00Z 2027-12-19")
    );
}

#[test]
fn seasons_begin_and_end_by_local_clocks_across_daylight_saving() {
    let year = json!([{"from": "--03-29", "to": "--10-25", "timezone": "Europe/Berlin"}]);
    let standing = stands(&seasons(&year), "2026-07-01T00:00:00Z");
    // Both are days on which clocks are changed: 23 hours, and 25.
    assert!(standing.starts_with("on 2026-03-28T23:00:00Z 2026-10-25T23:00:00Z "), "{standing}");
    let gap = json!([{"from": "2026-03-29T02:30", "to": "2026-10-25T02:30", "timezone": "Europe/Berlin"}]);
    let standing = stands(&seasons(&gap), "2026-07-01T00:00:00Z");
    assert_eq!(standing, "on 2026-03-29T01:30:00Z 2026-10-25T00:30:00Z -");
    let no_midnight = json!([{"from": "--09-06", "to": "--09-06", "timezone": "America/Santiago"}]);
    let standing = stands(&seasons(&no_midnight), "2026-09-06T12:00:00Z");
    assert!(standing.starts_with("on 2026-09-06T04:00:00Z 2026-09-07T03:00:00Z "), "{standing}");
}

#[test]
fn the_29th_of_february_is_a_day_where_there_is_one() {
    let leap = seasons(&json!([{"from": "--02-29", "to": "--02-29", "timezone": "UTC"}]));
    assert_eq!(
        stands(&leap, "2025-06-01T00:00:00Z"),
        "off 2024-03-01T00:00:00Z 2028-02-29T00:00:00Z 2028-02-29T00:00:00Z/2028-03-01T00:00:00Z"
    );
    // 2100 is no leap year, and beyond the years of seasons.
    assert_eq!(stands(&leap, "2096-06-01T00:00:00Z"), "off 2096-03-01T00:00:00Z - -");
    let around = seasons(&json!([{"from": "--02-20", "to": "--02-29", "timezone": "UTC"}]));
    assert!(
        stands(&around, "2027-02-25T00:00:00Z").starts_with("on 2027-02-20T00:00:00Z 2027-03-01T")
    );
    let after = seasons(&json!([{"from": "--02-29", "to": "--03-05", "timezone": "UTC"}]));
    assert!(
        stands(&after, "2027-03-02T00:00:00Z").starts_with("on 2027-03-01T00:00:00Z 2027-03-06T")
    );
}

#[test]
fn seasons_that_touch_are_one_and_gaps_are_not() {
    let two = seasons(&json!([
        {"from": "--12-20", "to": "--12-31", "timezone": "UTC"},
        {"from": "--01-01", "to": "--01-05", "timezone": "UTC"},
        {"from": "2027-01-03", "to": "2027-01-07T12:00", "timezone": "UTC"},
    ]));
    let standing = stands(&two, "2026-12-31T12:00:00Z");
    assert!(
        standing.starts_with("on 2026-12-20T00:00:00Z 2027-01-07T12:00:00Z 2027-12-20T"),
        "{standing}"
    );
    let gap = seasons(&json!([
        {"from": "2026-12-20", "to": "2026-12-30", "timezone": "UTC"},
        {"from": "2027-01-01", "to": "2027-01-05", "timezone": "UTC"},
    ]));
    assert_eq!(
        stands(&gap, "2026-12-31T12:00:00Z"),
        "off 2026-12-31T00:00:00Z 2027-01-01T00:00:00Z 2027-01-01T00:00:00Z/2027-01-06T00:00:00Z"
    );
}

#[test]
fn a_rule_gives_days_in_its_zone_and_at_its_time() {
    let thanksgiving = seasons(&json!([{
        "rrule": "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "dtstart": "2020-01-01", "duration": "P4D",
        "timezone": "America/New_York",
    }]));
    assert_eq!(
        stands(&thanksgiving, "2026-11-27T00:00:00Z"),
        "on 2026-11-26T05:00:00Z 2026-11-30T05:00:00Z 2027-11-25T05:00:00Z/2027-11-29T05:00:00Z"
    );
    // The clocks go forward in the night: 36 hours are 36, a day is what the calendar says.
    let hours = seasons(&json!([{
        "rrule": "FREQ=WEEKLY;COUNT=2", "dtstart": "2026-03-28T18:00", "duration": "PT36H",
        "timezone": "Europe/Berlin",
    }]));
    assert_eq!(
        stands(&hours, "2026-03-29T00:00:00Z"),
        "on 2026-03-28T17:00:00Z 2026-03-30T05:00:00Z 2026-04-04T16:00:00Z/2026-04-06T04:00:00Z"
    );
    let days = seasons(&json!([{
        "rrule": "FREQ=WEEKLY;UNTIL=20260328", "dtstart": "2026-03-28T18:00", "duration": 1,
        "timezone": "Europe/Berlin",
    }]));
    assert_eq!(
        stands(&days, "2026-03-29T00:00:00Z"),
        "on 2026-03-28T17:00:00Z 2026-03-29T16:00:00Z -"
    );
    let instant = |until: &str| {
        let rule = json!([{
            "rrule": format!("FREQ=DAILY;INTERVAL=2;UNTIL={until}"), "dtstart": "2026-12-20",
            "timezone": "Pacific/Auckland",
        }]);
        stands(&seasons(&rule), "2026-12-21T12:00:00Z").starts_with("on")
    };
    assert!(instant("20261221T110000Z"), "the 22nd in Auckland begins at that instant");
    assert!(!instant("20261221T105959Z"));
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let bad = json!([
        {"from": "--12-20", "to": "2026-01-05", "timezone": "Europe/Berlin"},
        {"from": "--13-20", "to": "2026-07-01T18:00+02:00", "timezone": "CET+1"},
        {"from": "2026-07-02", "to": "2026-07-01", "timezone": "UTC"},
        {"from": "2026-07-01T23:59:60", "to": 5, "zone": "UTC"},
        {"rrule": "FREQ=HOURLY;BYMONTH=13", "duration": "1 day", "from": "x", "timezone": "UTC"},
        {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "dtstart": "2026-01-01", "timezone": "UTC"},
        {"rrule": "FREQ=DAILY", "dtstart": "2026-01-01", "timezone": "UTC"},
        {"rrule": "FREQ=DAILY;UNTIL=20251231", "dtstart": "2026-01-01", "timezone": "UTC"},
        {"from": "--01-01", "to": "--12-31", "timezone": "UTC"},
        "always",
    ]);
    let faults = faults(&bad);
    let starts = [
        "/seasons/0/to: must be a day of each year if from is one",
        "/seasons/1/timezone: must be the name",
        "/seasons/1/from: must be a day of the year",
        "/seasons/1/to: must be a day as YYYY-MM-DD or a local time",
        "/seasons/2/to: must not be before from",
        "/seasons/3/zone: does not belong here",
        "/seasons/3/timezone: is required",
        "/seasons/3/to: must be a day",
        "/seasons/3/from: must be a day as",
        "/seasons/4/from: does not belong here",
        "/seasons/4/rrule: FREQ must be",
        "/seasons/4/rrule: BYMONTH must be",
        "/seasons/4/dtstart: is required",
        "/seasons/4/duration: must be a number of days",
        "/seasons/5/rrule: gives no day",
        "/seasons/6/rrule: gives more than 20000 days",
        "/seasons/7/rrule: UNTIL is before dtstart",
        "/seasons/8/to: leaves out no day of the year",
        "/seasons/9: must be an object",
    ];
    assert_eq!(faults.len(), starts.len(), "{faults:#?}");
    for (fault, start) in faults.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault} is not {start}");
    }
    assert_eq!(self::faults(&json!([])).len(), 1);
    assert_eq!(self::faults(&json!({})).len(), 1);
    let many =
        vec![json!({"from": "--01-01", "to": "--01-02", "timezone": "UTC"}); SEASONS_MAX + 1];
    assert_eq!(self::faults(&Value::Array(many)).len(), 1);
}

#[test]
fn rules_that_never_occur_are_refused_however_they_are_written() {
    for rule in [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4,6,9,11",
        "FREQ=WEEKLY;BYMONTH=2;BYDAY=MO;BYSETPOS=5",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTHDAY=1",
        "FREQ=YEARLY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;COUNT=5;BYMONTH=2;BYMONTHDAY=30",
    ] {
        let season = json!([{"rrule": rule, "dtstart": "2026-01-02", "timezone": "UTC"}]);
        let faults = faults(&season);
        assert!(faults.len() == 1 && faults[0].contains("gives no day"), "{rule}: {faults:?}");
    }
}

/// The first days on which a season by this rule is on.
fn first_days(rule: &str, start: &str, count: usize) -> Vec<String> {
    let season = seasons(&json!([{"rrule": rule, "dtstart": start, "timezone": "UTC"}]));
    let mut days = Vec::new();
    let mut day: Date = start.parse().unwrap();
    for _ in 0..5_000 {
        if stands(&season, &format!("{day}T12:00:00Z")).starts_with("on") {
            days.push(day.to_string());
        }
        if days.len() == count {
            break;
        }
        day = day.tomorrow().unwrap();
    }
    days
}

#[test]
fn positions_in_a_week_are_those_of_the_whole_week() {
    let sunday = "2026-01-04";
    for (rule, start, days) in [
        (
            "FREQ=WEEKLY;BYDAY=SA,SU;BYSETPOS=2",
            sunday,
            &["2026-01-04", "2026-01-11", "2026-01-18"][..],
        ),
        ("FREQ=WEEKLY;COUNT=2;BYDAY=SA,SU;BYSETPOS=2", sunday, &["2026-01-04", "2026-01-11"]),
        ("FREQ=WEEKLY;COUNT=2;BYDAY=SA,SU;BYSETPOS=1", sunday, &["2026-01-10", "2026-01-17"]),
        ("FREQ=WEEKLY;BYDAY=SA,SU;BYSETPOS=2;WKST=SU", sunday, &["2026-01-10", "2026-01-17"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;BYSETPOS=2", sunday, &["2026-01-04", "2026-01-18"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;BYSETPOS=1", sunday, &["2026-01-17", "2026-01-31"]),
        ("FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=-1", "2026-01-02", &["2026-01-02", "2026-01-09"]),
        // The first week begins before the years of seasons.
        ("FREQ=WEEKLY;BYDAY=TH,FR;BYSETPOS=-1", "1970-01-01", &["1970-01-02", "1970-01-09"]),
        // The weekday is that of dtstart, as without positions.
        (
            "FREQ=WEEKLY;BYMONTH=1;BYSETPOS=1",
            "2026-01-07",
            &["2026-01-07", "2026-01-14", "2026-01-21", "2026-01-28", "2027-01-06"],
        ),
    ] {
        // COUNT leaves no day more.
        let more = usize::from(rule.contains("COUNT"));
        assert_eq!(first_days(rule, start, days.len() + more), days, "{rule}");
    }
}

#[test]
fn the_fifth_weekday_from_the_end_is_had_as_the_fault_says() {
    let fifth = "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=-29,-30,-31";
    // The months of 2026 that have five Mondays: the first of them is the fifth from the end.
    let days = ["2026-03-02", "2026-06-01", "2026-08-03", "2026-11-02"];
    assert_eq!(first_days(fifth, "2026-01-01", days.len()), days);
}

#[test]
fn a_rule_of_every_day_is_one_time_from_its_first_day_to_its_last() {
    let daily = json!([
        {"rrule": "FREQ=DAILY;COUNT=20000", "dtstart": "2026-01-01", "timezone": "Europe/Berlin"},
    ]);
    let daily = seasons(&daily);
    assert_eq!(daily.spans.len(), 1);
    assert_eq!(
        stands(&daily, "2050-07-01T00:00:00Z"),
        "on 2025-12-31T23:00:00Z 2080-10-03T22:00:00Z -"
    );
    assert_eq!(stands(&daily, "2080-10-03T22:00:00Z"), "off 2080-10-03T22:00:00Z - -");
}

#[test]
fn times_that_touch_count_once_and_others_have_a_bound() {
    let every_day = |duration: &str| -> Value {
        let rule = |time: &&str| {
            json!({
                "rrule": "FREQ=DAILY;COUNT=20000", "dtstart": format!("2026-01-01T{time}"),
                "duration": duration, "timezone": "UTC",
            })
        };
        ["00:00", "08:00", "16:00"].iter().map(rule).collect()
    };
    let whole = seasons(&every_day("PT8H"));
    let on = "on 2026-01-01T00:00:00Z 2080-10-04T00:00:00Z -";
    assert_eq!(stands(&whole, "2026-01-01T08:00:00Z"), on);
    let told = faults(&every_day("PT1H"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("/seasons: must be on at most 40000 times until 2099, not 60000"));
}

/// RFC 5545, section 3.8.5.3.
#[test]
fn rules_give_the_days_that_the_standards_examples_have() {
    for (rule, days) in [
        ("FREQ=YEARLY;BYDAY=20MO", &["1997-05-19", "1998-05-18", "1999-05-17"][..]),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", &["1997-05-12", "1998-05-11", "1999-05-17"]),
        (
            "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
            &[
                "1997-01-01",
                "1997-04-10",
                "1997-07-19",
                "2000-01-01",
                "2000-04-09",
                "2000-07-18",
                "2003-01-01",
                "2003-04-10",
                "2003-07-19",
                "2006-01-01",
            ],
        ),
        (
            "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
            &["1997-09-04", "1997-10-07", "1997-11-06"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            &["1997-09-29", "1997-10-30", "1997-11-27", "1997-12-30", "1998-01-29"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            &["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            &["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            &["1996-11-05", "2000-11-07", "2004-11-02"],
        ),
        ("FREQ=YEARLY;BYYEARDAY=-1", &["2023-12-31", "2024-12-31", "2025-12-31"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=TH", &["2020-12-31", "2026-12-31", "2032-12-30"]),
    ] {
        let found = first_days(rule, days[0], days.len());
        assert_eq!(found, days, "{rule}");
        if rule.contains("COUNT") {
            assert_eq!(first_days(rule, days[0], days.len() + 1).len(), days.len(), "{rule}");
        }
    }
}

#[test]
fn seasons_read_as_they_are_written() {
    let written = json!([
        {"from": "--12-20", "to": "--01-05", "timezone": "Europe/Berlin"},
        {"from": "2026-07-01", "to": "2026-07-31T18:00:00", "timezone": "UTC"},
        {"rrule": "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "dtstart": "2026-01-01T08:00:00",
         "duration": "P3DT12H", "timezone": "America/New_York"},
    ]);
    let seasons = seasons(&written);
    assert_eq!(serde_json::to_value(&seasons).unwrap(), written);
    assert_eq!(self::seasons(&written), seasons);
}

/// A zone by the library's own reading of names, to compare with.
fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).expect("a zone")
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
];

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Whether a day is in a yearly season, without any arithmetic: it is walked to from the season's first.
fn is_in_year(day: Date, from: (i8, i8), to: (i8, i8)) -> bool {
    (day.year() - 1..=day.year()).any(|year| {
        let wraps = to < from;
        let first = Date::new(year, from.0, from.1).or_else(|_| Date::new(year, 3, 1)).unwrap();
        let end = if wraps { year + 1 } else { year };
        let last = Date::new(end, to.0, to.1).or_else(|_| Date::new(end, 2, 28)).unwrap();
        first <= day && day <= last
    })
}

fn month_day() -> impl Strategy<Value = (i8, i8)> {
    (1_i8..=12, 1_i8..=31)
        .prop_filter("a day", |(month, day)| Date::new(2024, *month, *day).is_ok())
}

/// What a rule gives, by asking each day.
fn naive(first: Date, last: Date, is_one: impl Fn(Date) -> bool) -> Vec<Date> {
    first
        .series(jiff::ToSpan::day(1))
        .take_while(|day| *day <= last)
        .filter(|day| is_one(*day))
        .collect()
}

/// The days on which a rule of whole days in UTC is on, by its standing from change to change.
fn on_days(seasons: &Seasons, first: Date, last: Date) -> Vec<Date> {
    let noon =
        |day: Date| day.at(12, 0, 0, 0).to_zoned_datetime(TimeZone::UTC).unwrap().timestamp();
    let is_on =
        |day: Date| seasons.standing(Moment::from_unix_ms(noon(day).as_millisecond())).active;
    naive(first, last, is_on)
}

proptest! {
    // Each walks through years, day by day.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_yearly_season_is_on_on_its_days_in_its_zone(
        (from, to) in (month_day(), month_day()),
        name in prop::sample::select(&ZONES[..]),
        at in 1_600_000_000_i64..3_000_000_000,
    ) {
        let text = |(month, day): (i8, i8)| format!("--{month:02}-{day:02}");
        let value = json!([{"from": text(from), "to": text(to), "timezone": name}]);
        let mut faults = Faults::default();
        let Some(seasons) = read("", &value, &mut faults) else { return Ok(()) };
        let moment = Moment::from_unix_ms(at * 1000);
        let standing = seasons.standing(moment);
        let day = zone(name).to_datetime(Timestamp::from_second(at).unwrap()).date();
        prop_assert_eq!(standing.active, is_in_year(day, from, to), "{} {}", day, value);
        prop_assert!(standing.holds_at(moment));
        // It changes when it says, and stands as it says until then.
        let until = standing.until.unwrap().unix_ms();
        let then = |ms: i64| seasons.standing(Moment::from_unix_ms(ms));
        prop_assert_eq!(then(until - 1), standing);
        prop_assert_eq!(then(until).active, !standing.active);
        prop_assert_eq!(then(until).since, standing.until);
        let since = standing.since.unwrap().unix_ms();
        prop_assert_eq!(then(since), standing);
        prop_assert_eq!(then(since - 1).active, !standing.active);
    }

    #[test]
    fn a_rule_gives_the_days_that_a_naive_calendar_does(
        kind in 0_usize..7, start in 0_i32..3_000, interval in 1_i32..5, month in 1_i8..=12,
        day in 1_i8..=28, weekday in 0_i8..7, nth in 1_i8..=4,
    ) {
        let first = date(2020, 1, 1).checked_add(jiff::Span::new().days(start)).unwrap();
        let last = first.checked_add(jiff::Span::new().days(800)).unwrap();
        let name = WEEKDAYS[usize::try_from(weekday).unwrap()];
        let weekday = Weekday::from_monday_zero_offset(weekday).unwrap();
        let days_from = |day: Date, origin: Date| (day - origin).get_days();
        let monday = |day: Date| day - jiff::Span::new().days(day.weekday().to_monday_zero_offset());
        let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
        let is_nth = |day: Date| (day.day() - 1) / 7 + 1 == nth && day.weekday() == weekday;
        let (rule, days) = match kind {
            0 => (
                format!("FREQ=DAILY;INTERVAL={interval}"),
                naive(first, last, |day| days_from(day, first) % interval == 0),
            ),
            1 => (
                format!("FREQ=WEEKLY;INTERVAL={interval};BYDAY={name}"),
                naive(first, last, |day| {
                    day.weekday() == weekday && days_from(monday(day), monday(first)) / 7 % interval == 0
                }),
            ),
            2 => (
                format!("FREQ=MONTHLY;INTERVAL={interval};BYMONTHDAY={day}"),
                naive(first, last, |one| {
                    one.day() == day && (months(one) - months(first)) % interval == 0
                }),
            ),
            3 => (format!("FREQ=MONTHLY;BYDAY={nth}{name}"), naive(first, last, is_nth)),
            4 => (
                format!("FREQ=YEARLY;BYMONTH={month};BYDAY={nth}{name}"),
                naive(first, last, |day| day.month() == month && is_nth(day)),
            ),
            5 => (
                format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={day}"),
                naive(first, last, |one| one.month() == month && one.day() == day),
            ),
            _ => (
                format!("FREQ=MONTHLY;BYDAY=-1{name}"),
                naive(first, last, |day| {
                    day.weekday() == weekday && day.day() + 7 > day.days_in_month()
                }),
            ),
        };
        let until = last.strftime("%Y%m%d");
        let value = json!([{
            "rrule": format!("{rule};UNTIL={until}"), "dtstart": first.to_string(), "timezone": "UTC",
        }]);
        prop_assert_eq!(on_days(&seasons(&value), first, last), days, "{}", value);
    }

    #[test]
    fn a_position_in_a_week_is_found_as_a_naive_calendar_does(
        start in 0_i32..3_000, interval in 1_i32..5, week_start in 0_i8..7, nth in 0_usize..7,
        chosen in prop::sample::subsequence(vec![0_i8, 1, 2, 3, 4, 5, 6], 1..=7),
        is_from_end in any::<bool>(),
    ) {
        let first = date(2020, 1, 1).checked_add(jiff::Span::new().days(start)).unwrap();
        let last = first.checked_add(jiff::Span::new().days(800)).unwrap();
        let in_week = |weekday: i8| (weekday + 7 - week_start) % 7;
        let mut in_order = chosen.clone();
        in_order.sort_unstable_by_key(|weekday| in_week(*weekday));
        let nth = nth % chosen.len();
        let weekday = Weekday::from_monday_zero_offset(in_order[nth]).unwrap();
        let week = |day: Date| {
            day - jiff::Span::new().days(in_week(day.weekday().to_monday_zero_offset()))
        };
        let days = naive(first, last, |day| {
            let weeks = (week(day) - week(first)).get_days() / 7;
            day.weekday() == weekday && weeks % interval == 0
        });
        let position = if is_from_end {
            format!("-{}", chosen.len() - nth)
        } else {
            (nth + 1).to_string()
        };
        let name = |weekday: &i8| WEEKDAYS[usize::try_from(*weekday).unwrap()];
        let names = chosen.iter().map(name).collect::<Vec<_>>().join(",");
        let until = last.strftime("%Y%m%d");
        let rule = format!(
            "FREQ=WEEKLY;INTERVAL={interval};UNTIL={until};BYDAY={names};BYSETPOS={position};WKST={}",
            name(&week_start)
        );
        let value = json!([{"rrule": rule, "dtstart": first.to_string(), "timezone": "UTC"}]);
        prop_assert_eq!(on_days(&seasons(&value), first, last), days, "{}", value);
    }

    #[test]
    fn seasons_are_on_wherever_one_of_them_is(
        yearly in prop::collection::vec((month_day(), month_day()), 0..3),
        once in prop::collection::vec((0_i32..2_000, 0_i32..200), 0..3),
        rules in prop::collection::vec((0_usize..7, 1_i32..9), 1..3),
        name in prop::sample::select(&ZONES[..]),
        at in 1_577_836_800_i64..1_767_225_600,
    ) {
        let text = |(month, day): (i8, i8)| format!("--{month:02}-{day:02}");
        let later = |day: Date, days: i32| day.checked_add(jiff::Span::new().days(days)).unwrap();
        let mut values = Vec::new();
        for (from, to) in yearly {
            values.push(json!({"from": text(from), "to": text(to), "timezone": name}));
        }
        for (start, days) in once {
            let from = later(date(2020, 1, 1), start);
            let to = later(from, days).to_string();
            values.push(json!({"from": from.to_string(), "to": to, "timezone": "Asia/Kolkata"}));
        }
        for (weekday, days) in rules {
            values.push(json!({
                "rrule": format!("FREQ=WEEKLY;BYDAY={};UNTIL=20301231", WEEKDAYS[weekday]),
                "dtstart": "2019-01-01T18:00", "duration": format!("P{days}DT3H"), "timezone": name,
            }));
        }
        // Days that leave out none of the year are no season.
        values.retain(|value| read("", &json!([value]), &mut Faults::default()).is_some());
        let each: Vec<Seasons> = values.iter().map(|value| seasons(&json!([value]))).collect();
        let together = seasons(&Value::Array(values));
        let then = |ms: i64| together.standing(Moment::from_unix_ms(ms));
        let is_on = |ms: i64| each.iter().any(|one| one.standing(Moment::from_unix_ms(ms)).active);
        let (at, standing) = (at * 1000, then(at * 1000));
        prop_assert_eq!(standing.active, is_on(at));
        let ends = [standing.since, standing.until, standing.next.map(|next| next.until)];
        for end in ends.into_iter().flatten().map(Moment::unix_ms) {
            // It is another time before each end than after it.
            prop_assert_eq!(then(end).active, is_on(end));
            prop_assert_eq!(then(end - 1).active, is_on(end - 1));
            prop_assert_ne!(is_on(end - 1), is_on(end));
        }
        prop_assert!(standing.holds_at(Moment::from_unix_ms(at)));
        if let Some(next) = standing.next {
            let standing = then(next.since.unix_ms());
            prop_assert_eq!((standing.since, standing.until), (Some(next.since), Some(next.until)));
        }
    }
}
