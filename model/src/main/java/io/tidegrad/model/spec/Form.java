package io.tidegrad.model.spec;

import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A kind of part that a spec can name, declared once: its name and its keys. The declaration reads it and writes its
/// canonical text.
public final class Form<T> {
    private final String name;
    private final Class<T> type;
    private final Function<Keys<T>, T> declaration;
    private final AskedKeys<T> asked = new AskedKeys<>();

    /// @param declaration asks for the keys and makes the part of the answers
    public Form(String name, Class<T> type, Function<Keys<T>, T> declaration) {
        this.name = name;
        this.type = type;
        this.declaration = declaration;
        try {
            var unused = declaration.apply(asked);
        } catch (IllegalArgumentException placeholdersMakeNoPart) {
            // All keys have been asked for, which is what this call is for.
        }
    }

    String name() {
        return name;
    }

    Class<T> type() {
        return type;
    }

    boolean hasKeys() {
        return !asked.names.isEmpty() || asked.only;
    }

    /// Whether the name can't stand alone.
    boolean needsKeys() {
        return asked.required;
    }

    /// The keys that stand at `node`.
    ///
    /// @param also keys that may stand there beside those of this form
    Mapping keys(SpecNode node, String... also) {
        String[] known = Stream.concat(asked.names.stream(), Stream.of(also)).toArray(String[]::new);
        return asked.only || asked.leading && !node.isMapping() ? node.noKeys(known) : node.mapping(known);
    }

    /// Null, and a problem, where the values don't make a part. After a mistake in one value the part may have a
    /// placeholder there.
    @Nullable
    public T read(SpecNode node) {
        return read(node, keys(node));
    }

    /// @param keys of `node`, by `keys(SpecNode, String...)`
    @Nullable
    T read(SpecNode node, Mapping keys) {
        try {
            return declaration.apply(new ReadKeys<>(node, keys, asked.leading && !node.isMapping()));
        } catch (IllegalArgumentException valuesDontFitTogether) {
            if (node.problems() == keys.problemsBefore()) {
                node.problem(String.valueOf(valuesDontFitTogether.getMessage()));
            }
            return null;
        }
    }

    /// The keys that differ from their defaults; `of(Object, Flow)` makes the canonical text of them.
    public Flow keysOf(Object part) {
        WrittenKeys<T> written = new WrittenKeys<>(type.cast(part));
        var unused = declaration.apply(written);
        return written.flow;
    }

    /// `name`, `name: 64` or `name: {key: value}`.
    String entry(Flow keys) {
        if (keys.isEmpty()) {
            return name;
        }
        return name + ": " + (asked.only || asked.leading && keys.size() == 1 ? keys.firstValue() : keys);
    }

    /// As the value of a key: `name` or `{name: {key: value}}`.
    String inBraces(Object part) {
        Flow keys = keysOf(part);
        return keys.isEmpty() ? name : "{" + entry(keys) + "}";
    }

    /// Learns which keys there are.
    private static final class AskedKeys<T> extends Keys<T> {
        private final SpecNode absent = SpecNode.absent(new Problems());
        private final List<String> names = new ArrayList<>();
        private boolean required;
        private boolean leading;
        private boolean only;

        @Override
        <V> @Nullable V answer(Kind kind, String key, String what, @Nullable V byDefault, ValueType<V> type,
                Function<T, @Nullable V> of) {
            required |= kind != Kind.OPTIONAL && kind != Kind.WRITTEN;
            leading |= kind == Kind.LEADING;
            only |= kind == Kind.ONLY;
            if (kind != Kind.ONLY) {
                names.add(key);
            }
            return kind == Kind.OPTIONAL || kind == Kind.WRITTEN ? byDefault : type.read().apply(absent);
        }
    }

    /// Answers with what a spec says.
    private static final class ReadKeys<T> extends Keys<T> {
        private final SpecNode node;
        private final Mapping keys;
        private final boolean standsAlone;

        ReadKeys(SpecNode node, Mapping keys, boolean standsAlone) {
            this.node = node;
            this.keys = keys;
            this.standsAlone = standsAlone;
        }

        @Override
        <V> @Nullable V answer(Kind kind, String key, String what, @Nullable V byDefault, ValueType<V> type,
                Function<T, @Nullable V> of) {
            if (kind == Kind.ONLY || kind == Kind.LEADING && standsAlone) {
                return type.read().apply(node);
            }
            SpecNode value =
                    kind == Kind.OPTIONAL || kind == Kind.WRITTEN ? keys.optional(key) : keys.required(key, what);
            return value == null ? byDefault : type.read().apply(value);
        }

        @Override
        public void problem(String key, String text) {
            SpecNode value = keys.optional(key);
            if (value != null) {
                value.problem(text);
            }
        }

        @Override
        void problem(String text) {
            node.problem(text);
        }
    }

    /// Answers with what a part has, and writes it down.
    private static final class WrittenKeys<T> extends Keys<T> {
        private final Flow flow = new Flow();
        private final T part;

        WrittenKeys(T part) {
            this.part = part;
        }

        @Override
        <V> @Nullable V answer(Kind kind, String key, String what, @Nullable V byDefault, ValueType<V> type,
                Function<T, @Nullable V> of) {
            V value = of.apply(part);
            if (value != null && (kind == Kind.WRITTEN || !isSame(value, byDefault))) {
                flow.add(key, type.write().apply(value));
            }
            return value;
        }

        /// -0 is 0, as for `==`.
        private static boolean isSame(Object value, @Nullable Object byDefault) {
            return value instanceof Double one && byDefault instanceof Double other
                    ? one.doubleValue() == other.doubleValue() : value.equals(byDefault);
        }
    }
}
