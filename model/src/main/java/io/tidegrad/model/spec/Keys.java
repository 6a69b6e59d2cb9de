package io.tidegrad.model.spec;

import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The keys of one part of a spec: of a layer, a loss, an optimizer, a schedule, a feature. The declaration of a part
/// (see `Form`) asks for each key once, with its type, its range and its default, and makes the part of the answers.
/// When a spec is read, the answers come from the spec. When canonical text is written, they come from the part that is
/// written, and each answer that differs from its default is written down. So reading and writing can't disagree.
///
/// Keys are written in the order in which they are asked for. That order is part of the fingerprint: never change it.
public abstract class Keys<T> {
    enum Kind {
        REQUIRED, LEADING, ONLY, OPTIONAL, WRITTEN
    }

    /// Answers a question of one of the methods below.
    abstract <V> @Nullable V answer(Kind kind, String key, String what, @Nullable V byDefault, ValueType<V> type,
            Function<T, @Nullable V> of);

    /// A key that must be there.
    ///
    /// @param what the message about a missing key says what was expected
    /// @param of what a part has here
    public final <V> V required(String key, String what, ValueType<V> type, Function<T, V> of) {
        return Objects.requireNonNull(answer(Kind.REQUIRED, key, what, null, type, of::apply));
    }

    /// A required key whose value may stand for the whole part where all other keys have their defaults: `dense: 64`.
    final <V> V leading(String key, String what, ValueType<V> type, Function<T, V> of) {
        return Objects.requireNonNull(answer(Kind.LEADING, key, what, null, type, of::apply));
    }

    /// The value of a part that has no keys: `reshape: [4, 2]`.
    final <V> V only(ValueType<V> type, Function<T, V> of) {
        return Objects.requireNonNull(answer(Kind.ONLY, "", "", null, type, of::apply));
    }

    public final <V> V optional(String key, V byDefault, ValueType<V> type, Function<T, V> of) {
        return Objects.requireNonNull(answer(Kind.OPTIONAL, key, "", byDefault, type, of::apply));
    }

    /// An optional key that canonical text always has, because there was no default at first.
    final <V> V written(String key, V byDefault, ValueType<V> type, Function<T, V> of) {
        return Objects.requireNonNull(answer(Kind.WRITTEN, key, "", byDefault, type, of::apply));
    }

    /// A key without a default: null where it is left out.
    public final <V> @Nullable V orNull(String key, ValueType<V> type, Function<T, @Nullable V> of) {
        return answer(Kind.OPTIONAL, key, "", null, type, of);
    }

    /// A mistake in the value of `key`. Only a reader has anybody to tell.
    public void problem(String key, String text) {}

    /// A mistake in the part as a whole.
    void problem(String text) {}
}
