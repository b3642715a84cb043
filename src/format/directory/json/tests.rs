//! JSON as Python writes it.

use proptest::prelude::*;

use super::*;

fn again(text: &str) -> String {
    Json::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

#[test]
fn numbers_are_written_as_python_writes_them() {
    for (given, written) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("1.50", "1.5"),
        ("1336459086.0", "1336459086.0"),
        ("1336459086.09", "1336459086.09"),
        ("1e5", "100000.0"),
        ("1e15", "1000000000000000.0"),
        ("9999999999999998.0", "9999999999999998.0"),
        ("1e16", "1e+16"),
        ("123456789012345678.0", "1.2345678901234568e+17"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("0.000012", "1.2e-05"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("1E400", "Infinity"),
        ("-1e400", "-Infinity"),
        ("0.1", "0.1"),
        ("2.5e-1", "0.25"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
    ] {
        assert_eq!(again(given), written, "{given}");
    }
}

#[test]
fn text_is_ascii_and_keeps_half_surrogates() {
    for (given, written) in [
        (r#""\u00FC\u2603""#, r#""\u00fc\u2603""#),
        ("\"ü☃😀\"", r#""\u00fc\u2603\ud83d\ude00""#),
        (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
        (r#""\ud83d""#, r#""\ud83d""#),
        (r#""\/\b\f\n\r\t\"\\""#, r#""/\b\f\n\r\t\"\\""#),
        (r#""\u0041\u0001\u000a""#, r#""A\u0001\n""#),
        ("\"\u{7f}\"", r#""\u007f""#),
    ] {
        assert_eq!(again(given), written, "{given}");
    }
}

#[test]
fn objects_keep_their_order_and_the_later_of_two_values() {
    assert_eq!(again(r#" {"b":1 ,"a":[ ],"\u0062":{ "x":[true,null , false]}} "#), {
        r#"{"b": {"x": [true, null, false]}, "a": []}"#
    });
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "nul",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\n\"",
        "1 2",
        "nan",
        "-NaN",
        "\"\\",
        "\"\\u12",
        "\u{feff}1",
    ] {
        assert!(Json::parse(text).is_err(), "{text}");
    }
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Json::parse(&deep(JSON_DEPTH_MAX)).is_ok());
    let error = Json::parse(&deep(1_000_000)).unwrap_err();
    insta::assert_snapshot!(error, @"not JSON: too deep at byte 101");
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(text in "\\PC{0,40}", number: f64, whole: i64, flag: bool) {
        let mut object = JsonObject::new();
        object.set(&text, number);
        object.set("whole", whole);
        object.set("text", text.as_str());
        object.set("list", Json::List(vec![flag.into(), Json::Null]));
        let written = object.to_string();
        let value = Json::parse(&written).unwrap();
        prop_assert_eq!(&value, &Json::Object(object));
        prop_assert_eq!(value.to_string(), written);
    }

    #[test]
    fn a_text_decodes_to_itself(text: String) {
        prop_assert_eq!(JsonText::from(text.as_str()).decode(), text);
    }

    #[test]
    fn a_float_reads_back_the_same(number: f64) {
        prop_assert_eq!(JsonNumber::from(number).as_f64().to_bits(), number.to_bits());
    }

    #[test]
    fn any_text_is_refused_or_canonical_from_then_on(text in "[\\[\\]{}\",:\\\\u0-9a-f.eE+ -]{0,30}") {
        if let Ok(value) = Json::parse(&text) {
            prop_assert_eq!(Json::parse(&value.to_string()), Ok(value));
        }
    }
}
