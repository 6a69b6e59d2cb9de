package io.tidegrad.schemas;

import io.tidegrad.schemas.UndecodableException.Reason;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// Where the values of some paths lie in the records of one writer's schema, found once. [FieldReader] reads them from
/// bytes, [RecordWalk] from a record that somebody else decoded.
///
/// A name is looked for in this order: the writer's field of that name; the writer's field under another name of the
/// same field in the reader's schema, by its `aliases`; the writer's field that has one of these names among its own
/// `aliases`. A path that goes through a union takes what the branch of the value has.
///
/// It does not hold on to the schemas, so that it can be kept for as long as they are used.
public final class FieldPlan {
    /// Fields and branches that are looked at: a hostile schema could otherwise make a long path cost anything.
    private static final int LOOKS_MAX = 1 << 22;

    /// What lies at the end of a path.
    public enum Kind {
        /// A number, or a time in milliseconds.
        NUMBER("a number"),
        /// True or false.
        FLAG("true or false"),
        /// A string, a symbol of an enum or a UUID.
        TEXT("text"),
        /// Bytes that mean nothing more.
        BYTES("bytes");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        /// In a message.
        public String words() {
            return words;
        }
    }

    /// A path, from one of its steps on.
    ///
    /// @param inList whether an earlier step goes to each element of a list
    private record Rest(int path, FieldPath of, int step, boolean inList) {
        boolean isEnd() {
            return step == of.steps().size();
        }

        boolean is(FieldPath.Kind kind) {
            return !isEnd() && of.steps().get(step).kind() == kind;
        }

        String name() {
            return of.steps().get(step).name();
        }

        Rest next() {
            return new Rest(path, of, step + 1, inList || is(FieldPath.Kind.EACH));
        }

        /// The path ends at a list, which stands for its elements.
        Rest ofElements() {
            return new Rest(path, of, step, true);
        }

        boolean hasFurtherList() {
            return of.steps().subList(Math.min(step, of.steps().size()), of.steps().size()).stream()
                    .anyMatch(each -> each.kind() == FieldPath.Kind.EACH);
        }
    }

    /// @param reader the type of the same field in the reader's schema, if there is one
    private record Found(Schema.Field field, @Nullable Schema reader) {
    }

    final AvroType record;
    final @Nullable FieldNode root;
    final @Nullable FieldProgram program;
    private final List<FieldPath> paths;
    private final BitSet found = new BitSet();
    private final Map<Integer, Set<Kind>> alone = new HashMap<>();
    private final Map<Integer, Set<Kind>> listed = new HashMap<>();
    private final BitSet times = new BitSet();
    private final BitSet renamed = new BitSet();
    private final WeakReference<Schema> writer; // for messages
    private final @Nullable UnknownField lacking;
    private int looks;

    private FieldPlan(Schema writer, @Nullable Schema reader, List<FieldPath> paths) {
        this.paths = List.copyOf(paths);
        Map<Schema, AvroType> types = AvroType.allOf(writer);
        record = AvroType.of(writer, types);
        List<Rest> all = new ArrayList<>();
        for (int path = 0; path < paths.size(); path++) {
            all.add(new Rest(path, paths.get(path), 0, false));
        }
        root = new Builder(types).node(writer, reader, all);
        if (root != null) {
            for (int path : root.below) {
                found.set(path);
            }
        }
        program = FieldProgram.of(root, record);
        int first = found.nextClearBit(0);
        lacking = first == paths.size() ? null : () -> message(paths.get(first));
        this.writer = new WeakReference<>(writer);
    }

    private String message(FieldPath path) {
        Schema schema = writer.get();
        return "field '" + path + "': expected one that the event's schema has, found none"
                + (schema == null ? "" : " in " + schema.getFullName() + SchemaPaths.hint(path, schema));
    }

    /// @param writer a record
    /// @param reader whose aliases count; null for none but the writer's own
    /// @throws UndecodableException the schema is out of all proportion
    public static FieldPlan of(Schema writer, @Nullable Schema reader, List<FieldPath> paths) {
        return new FieldPlan(writer, reader, paths);
    }

    /// Whether the schema has the path.
    public boolean has(int path) {
        return found.get(path);
    }

    /// Whether something that a feature can be made of lies there, and not only a record, or a list in a list.
    public boolean hasValue(int path) {
        return alone.containsKey(path) || listed.containsKey(path);
    }

    /// What may lie there.
    ///
    /// @param inList as elements of a list; false: as the value itself
    public Set<Kind> kinds(int path, boolean inList) {
        return (inList ? listed : alone).getOrDefault(path, Set.of());
    }

    /// Whether a date or a timestamp lies there, which is read as milliseconds whatever it counts.
    public boolean isTime(int path) {
        return times.get(path);
    }

    /// Whether the reader's schema knows other names for a field on the way.
    public boolean isRenamed(int path) {
        return renamed.get(path);
    }

    /// A path that the schema lacks; null when it has all.
    public @Nullable UnknownField lacking() {
        return lacking;
    }

    private final class Builder {
        private final Map<Schema, AvroType> types;

        Builder(Map<Schema, AvroType> types) {
            this.types = types;
        }

        private void look(int parts) {
            looks += parts;
            if (looks > LOOKS_MAX) {
                throw new UndecodableException(Reason.UNSUPPORTED_SCHEMA,
                        "expected a schema in which the " + paths.size() + " fields of a model are found by looking at "
                                + LOOKS_MAX + " of its fields, found a larger one");
            }
        }

        /// Null where no path is found.
        @Nullable
        FieldNode node(Schema schema, @Nullable Schema reader, List<Rest> rests) {
            if (rests.isEmpty()) {
                return null;
            }
            look(1);
            FieldNode node = new FieldNode(AvroType.of(schema, types));
            switch (schema.getType()) {
                case UNION -> union(node, schema, reader, rests);
                case RECORD -> record(node, schema, reader, rests);
                case ARRAY -> {
                    node.ends = paths(rests, rest -> rest.isEnd() && rest.inList());
                    each(node, schema.getElementType(), reader == null ? null : part(reader, Schema.Type.ARRAY), rests);
                }
                case MAP -> {
                    node.ends = paths(rests, Rest::isEnd);
                    Schema values = reader == null ? null : part(reader, Schema.Type.MAP);
                    entries(node, schema.getValueType(), values, rests);
                    each(node, schema.getValueType(), values, rests);
                }
                default -> {
                    node.ends = paths(rests, Rest::isEnd);
                    if (schema.getType() != Schema.Type.NULL) {
                        Kind kind = kind(node.type);
                        if (isTime(schema.getLogicalType())) {
                            Arrays.stream(node.ends).forEach(times::set);
                        }
                        rests.stream().filter(Rest::isEnd).forEach(rest -> (rest.inList() ? listed : alone)
                                .computeIfAbsent(rest.path(), unused -> EnumSet.noneOf(Kind.class)).add(kind));
                    }
                }
            }
            node.below = below(node);
            node.end = node.ends.length == 1 ? node.ends[0] : FieldNode.SEVERAL;
            return node.below.length == 0 ? null : node;
        }

        private void union(FieldNode node, Schema schema, @Nullable Schema reader, List<Rest> rests) {
            List<Schema> branches = schema.getTypes();
            look(branches.size());
            node.parts = new FieldNode[branches.size()];
            for (int i = 0; i < node.parts.length; i++) {
                node.parts[i] = node(branches.get(i), reader, rests);
            }
        }

        private void record(FieldNode node, Schema schema, @Nullable Schema reader, List<Rest> rests) {
            Schema same = reader == null ? null : branch(reader, schema);
            Map<Integer, List<Rest>> byField = new TreeMap<>();
            Map<Integer, Found> fields = new TreeMap<>();
            for (Rest rest : rests) {
                Found field = rest.is(FieldPath.Kind.NAME) ? field(schema, same, rest) : null;
                if (field != null) {
                    int at = field.field().pos();
                    fields.putIfAbsent(at, field);
                    byField.computeIfAbsent(at, unused -> new ArrayList<>()).add(rest.next());
                }
            }
            node.ends = paths(rests, Rest::isEnd);
            Map<Integer, FieldNode> parts = new TreeMap<>();
            byField.forEach((at, further) -> {
                Found field = Objects.requireNonNull(fields.get(at));
                FieldNode part = node(field.field().schema(), field.reader(), further);
                if (part != null) {
                    parts.put(at, part);
                }
            });
            if (!parts.isEmpty()) {
                int last = ((TreeMap<Integer, FieldNode>) parts).lastKey();
                look(last);
                node.parts = new FieldNode[last + 1];
                parts.forEach((at, part) -> node.parts[at] = part);
            }
        }

        private @Nullable Found field(Schema schema, @Nullable Schema reader, Rest rest) {
            String name = rest.name();
            Schema.Field readers = reader == null ? null : readersField(reader, name);
            Schema readersType = readers == null ? null : readers.schema();
            List<String> names = new ArrayList<>(List.of(name));
            if (readers != null) {
                names.add(readers.name());
                names.addAll(readers.aliases());
                renamed.set(rest.path(), renamed.get(rest.path()) || !readers.aliases().isEmpty());
            }
            for (String each : names) {
                Schema.Field field = schema.getField(each);
                if (field != null) {
                    return new Found(field, readersType);
                }
            }
            look(schema.getFields().size());
            for (Schema.Field field : schema.getFields()) {
                for (String alias : field.aliases()) {
                    if (names.contains(alias)) {
                        return new Found(field, readersType);
                    }
                }
            }
            return null;
        }

        private Schema.@Nullable Field readersField(Schema reader, String name) {
            Schema.Field named = reader.getField(name);
            if (named != null) {
                return named;
            }
            look(reader.getFields().size());
            for (Schema.Field field : reader.getFields()) {
                if (field.aliases().contains(name)) {
                    return field;
                }
            }
            return null;
        }

        /// What each element of an array or value of a map has. A path that ends at an array stands for its elements; a map
        /// could be taken for a record, so that it takes `[]`.
        private void each(FieldNode node, Schema element, @Nullable Schema reader, List<Rest> rests) {
            List<Rest> further = new ArrayList<>();
            for (Rest rest : rests) {
                if (rest.is(FieldPath.Kind.EACH)) {
                    further.add(rest.next());
                } else if (isOfElements(node, rest)) {
                    further.add(rest.ofElements());
                }
            }
            FieldNode part = node(element, reader, further);
            if (part != null) {
                node.parts = new FieldNode[]{part};
                node.begun = paths(rests,
                        rest -> !rest.inList() && (rest.is(FieldPath.Kind.EACH) || isOfElements(node, rest))
                                && contains(part.below, rest.path()));
                node.elements = paths(further, rest -> !rest.hasFurtherList() && contains(part.below, rest.path()));
            }
        }

        private static boolean isOfElements(FieldNode node, Rest rest) {
            return node.type.type == Schema.Type.ARRAY && rest.isEnd() && !rest.inList();
        }

        private void entries(FieldNode node, Schema values, @Nullable Schema reader, List<Rest> rests) {
            Map<String, List<Rest>> byKey = new LinkedHashMap<>();
            for (Rest rest : rests) {
                if (rest.is(FieldPath.Kind.KEY)) {
                    byKey.computeIfAbsent(rest.name(), unused -> new ArrayList<>()).add(rest.next());
                }
            }
            List<FieldNode.Entry> entries = new ArrayList<>();
            byKey.forEach((key, further) -> {
                FieldNode value = node(values, reader, further);
                if (value != null) {
                    Predicate<Rest> isFound = rest -> contains(value.below, rest.path());
                    entries.add(new FieldNode.Entry(key.getBytes(StandardCharsets.UTF_8), value,
                            paths(further, isFound.and(rest -> !rest.inList())),
                            paths(further, isFound.and(rest -> rest.inList() && !rest.hasFurtherList())),
                            paths(further, isFound.and(rest -> rest.inList() && rest.hasFurtherList()))));
                }
            });
            node.entries = entries.toArray(FieldNode.Entry[]::new);
        }
    }

    /// The items or values of the reader's type where it is, or may be, of the writer's kind.
    private static @Nullable Schema part(Schema reader, Schema.Type type) {
        if (reader.getType() == Schema.Type.UNION) {
            return reader.getTypes().stream().filter(branch -> branch.getType() == type).findFirst()
                    .map(branch -> part(branch, type)).orElse(null);
        }
        if (reader.getType() != type) {
            return null;
        }
        return type == Schema.Type.ARRAY ? reader.getElementType() : reader.getValueType();
    }

    /// The reader's record for a writer's: of a union the one of the same name, else its first one.
    private static @Nullable Schema branch(Schema reader, Schema writer) {
        if (reader.getType() != Schema.Type.UNION) {
            return reader.getType() == Schema.Type.RECORD ? reader : null;
        }
        List<Schema> records =
                reader.getTypes().stream().filter(branch -> branch.getType() == Schema.Type.RECORD).toList();
        return records.stream()
                .filter(branch -> branch.getFullName().equals(writer.getFullName())
                        || branch.getAliases().contains(writer.getFullName()))
                .findFirst().orElse(records.isEmpty() ? null : records.getFirst());
    }

    private static boolean isTime(@Nullable LogicalType type) {
        return switch (type) {
            case LogicalTypes.Date _,LogicalTypes.TimestampMillis _,LogicalTypes.TimestampMicros _,LogicalTypes.TimestampNanos _,LogicalTypes.LocalTimestampMillis _,LogicalTypes.LocalTimestampMicros _,LogicalTypes.LocalTimestampNanos _ ->
                true;
            case null, default -> false;
        };
    }

    private static Kind kind(AvroType type) {
        return switch (type.meaning) {
            case DAYS, MICROS, NANOS, DECIMAL, DURATION -> Kind.NUMBER;
            case UUID, JAVA_STRING -> Kind.TEXT;
            case PLAIN -> switch (type.type) {
                case BOOLEAN -> Kind.FLAG;
                case STRING, ENUM -> Kind.TEXT;
                case BYTES, FIXED -> Kind.BYTES;
                default -> Kind.NUMBER;
            };
        };
    }

    private static int[] paths(List<Rest> rests, Predicate<Rest> which) {
        return rests.stream().filter(which).mapToInt(Rest::path).distinct().toArray();
    }

    private static int[] below(FieldNode node) {
        BitSet paths = new BitSet();
        for (int path : node.ends) {
            paths.set(path);
        }
        for (FieldNode part : node.parts) {
            if (part != null) {
                Arrays.stream(part.below).forEach(paths::set);
            }
        }
        for (FieldNode.Entry entry : node.entries) {
            Arrays.stream(entry.value().below).forEach(paths::set);
        }
        return paths.stream().toArray();
    }

    private static boolean contains(int[] ascending, int path) {
        return Arrays.binarySearch(ascending, path) >= 0;
    }
}
