//! One YAML document laid over another, as Compose does it.

use serde_json::Value;

/// Lays `over` on `base`: maps are joined key by key, lists get what they lack, the rest is replaced.
pub(super) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(over)) => {
            for item in over {
                if !base.contains(&item) {
                    base.push(item);
                }
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_join_lists_grow_and_the_rest_is_replaced() {
        let mut base = json!({"a": {"b": 1, "c": [1, 2]}, "d": "old"});
        merge(
            &mut base,
            json!({"a": {"c": [2, 3], "e": null}, "d": "new"}),
        );
        assert_eq!(
            base,
            json!({"a": {"b": 1, "c": [1, 2, 3], "e": null}, "d": "new"})
        );
    }
}
