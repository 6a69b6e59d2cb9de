package io.tidegrad.scorerapp;

import io.tidegrad.proof.Mutations;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.apache.avro.Schema;

/// Makes writer's schemas up that no writer would have, values for them, and JSON records of the same fields. All of it
/// follows from the seed.
final class HostileSchemas {
    /// The fields that the model reads, and a type for each with which an event can be learned.
    private static final String[][] FIELDS = {{"over", "\"int\""}, {"f", "\"double\""}, {"s", "\"string\""},
        {"e", "{\"type\": \"enum\", \"name\": \"Ev\", \"symbols\": [\"A\", \"B\"]}"},
        {"at", "{\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}"},
        {"picture", "{\"type\": \"fixed\", \"name\": \"Pic\", \"size\": 4}"},
        {"tags", "{\"type\": \"array\", \"items\": \"string\"}"},
        {"steps", "{\"type\": \"array\", \"items\": \"float\"}"}};

    private static final String[] PLAIN = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};

    private static final long[] SIZES = {0, 1, 2, 4, 16, 1_000, 1 << 20, 2_000_000_000, Integer.MAX_VALUE - 8};

    /// Right for hardly any type.
    private static final String[] DEFAULTS =
            {"null", "1", "\"x\"", "{}", "[]", "[[]]", "1e1830", "9".repeat(100), "{\"over\": {\"a\": 1}}"};

    private static final int STEPS_MAX = 3_000;

    private final SplittableRandom random;
    private final Mutations mutations;
    private final Mutations textMutations;
    private final List<String> names = new ArrayList<>(); // of the schema under way
    private int parts;
    private int steps;

    HostileSchemas(long seed) {
        random = new SplittableRandom(seed);
        mutations = new Mutations(seed);
        textMutations = new Mutations(seed, utf8("["), utf8("{\"type\":"), utf8("null"), utf8("1e999"), utf8("\\ud800"),
                utf8("\"s\":"));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    // ---- schemas ----

    String schema() {
        names.clear();
        parts = 0;
        String schema = switch (random.nextInt(40)) {
            case 0 -> doubling(random.nextInt(1, 60), any(3));
            case 1 -> doubling(random.nextInt(20, 40), "\"null\"");
            case 2 -> laterChain(random.nextInt(1, 1_500));
            case 3 -> deep("array\", \"items\": ", random.nextInt(1, 600));
            case 4 -> deep("map\", \"values\": ", random.nextInt(1, 600));
            case 5 -> wide(random.nextInt(1, 3_000));
            case 6 -> longEnum(random.nextInt(1, 10_000));
            case 7 -> listOf(random.nextBoolean() ? "\"null\"" : empty());
            case 8 -> everything();
            case 9 -> ringOfDefaults(random.nextInt(1, 50));
            default -> top();
        };
        if (random.nextInt(40) == 0) {
            return new String(textMutations.of(utf8(schema)), StandardCharsets.UTF_8);
        }
        if (random.nextInt(400) == 0) {
            return schema.replaceFirst("\\{", "{\"doc\": \"" + "d".repeat(1 << 20) + "\", ");
        }
        return schema;
    }

    private String top() {
        StringBuilder fields = new StringBuilder();
        boolean good = random.nextInt(3) > 0;
        for (String[] field : FIELDS) {
            boolean asItShouldBe = good && random.nextInt(12) > 0;
            if (asItShouldBe || random.nextInt(5) > 0) {
                field(fields, field[0], asItShouldBe ? field[1] : any(0));
            }
        }
        for (int more = random.nextInt(4); more > 0; more--) {
            field(fields, name(), any(0));
        }
        return record("Top", fields);
    }

    private void field(StringBuilder fields, String name, String type) {
        if (!fields.isEmpty()) {
            fields.append(", ");
        }
        fields.append("{\"name\": \"").append(name).append("\", \"type\": ").append(type);
        switch (random.nextInt(12)) {
            case 0 -> fields.append(", \"default\": ").append(DEFAULTS[random.nextInt(DEFAULTS.length)]);
            case 1 -> fields.append(", \"aliases\": [\"").append(name()).append("\", \"over\"]");
            case 2 -> fields.append(", \"order\": \"ignore\", \"logicalType\": \"decimal\"");
            default -> {
                // No more than a type.
            }
        }
        fields.append('}');
    }

    private static String record(String name, CharSequence fields) {
        return "{\"type\": \"record\", \"name\": \"" + name + "\", \"fields\": [" + fields + "]}";
    }

    private String any(int deep) {
        if (++parts > 200 || deep > 12) {
            return plain();
        }
        return switch (random.nextInt(14)) {
            case 0 -> "{\"type\": \"array\", \"items\": " + any(deep + 1) + "}";
            case 1 -> "{\"type\": \"map\", \"values\": " + any(deep + 1) + "}";
            case 2, 3 -> union(deep);
            case 4 -> fixed();
            case 5 -> symbols(random.nextInt(0, 6));
            case 6, 7 -> nested(deep);
            case 8 -> names.isEmpty() ? plain() : "\"" + pick(names) + "\"";
            case 9 -> logical();
            default -> plain();
        };
    }

    private String pick(List<String> from) {
        return from.get(random.nextInt(from.size()));
    }

    private String plain() {
        return "\"" + PLAIN[random.nextInt(PLAIN.length)] + "\"";
    }

    private String union(int deep) {
        // A branch's type may be there once, unless it has a name.
        Map<String, String> branches = new TreeMap<>();
        int count = random.nextInt(0, 5);
        for (int i = 0; i < count; i++) {
            String branch = any(deep + 1);
            if (!branch.startsWith("[")) {
                branches.putIfAbsent(branch.substring(0, Math.min(16, branch.length())), branch);
            }
        }
        return "[" + String.join(", ", branches.values()) + "]";
    }

    private String nested(int deep) {
        String name = name();
        names.add(name); // before its fields: they may contain it
        StringBuilder fields = new StringBuilder();
        for (int i = random.nextInt(4); i > 0; i--) {
            field(fields, "f" + i, any(deep + 1));
        }
        return record(name, fields);
    }

    private String fixed() {
        String name = name();
        names.add(name);
        return "{\"type\": \"fixed\", \"name\": \"" + name + "\", \"size\": "
                + (random.nextInt(50) == 0 ? -1 : SIZES[random.nextInt(SIZES.length)])
                + (random.nextBoolean() ? "" : ", \"logicalType\": \"duration\"") + "}";
    }

    private String symbols(int count) {
        String name = name();
        names.add(name);
        StringBuilder symbols = new StringBuilder();
        for (int i = 0; i < count; i++) {
            symbols.append(i == 0 ? "" : ", ").append("\"S").append(i).append('"');
        }
        return "{\"type\": \"enum\", \"name\": \"" + name + (random.nextInt(20) == 0 ? "\", \"default\": \"S9" : "")
                + "\", \"symbols\": [" + symbols + "]}";
    }

    private String logical() {
        return switch (random.nextInt(7)) {
            case 0 ->
                "{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 2147483647, \"scale\": -2147483648}";
            case 1 -> "{\"type\": \"bytes\", \"logicalType\": \"big-decimal\", \"scale\": 999999999}";
            case 2 -> "{\"type\": \"int\", \"logicalType\": \"date\"}";
            case 3 -> "{\"type\": \"long\", \"logicalType\": \"local-timestamp-nanos\"}";
            case 4 -> "{\"type\": \"string\", \"logicalType\": \"uuid\"}";
            case 5 -> "{\"type\": \"string\", \"avro.java.string\": \"java.io.File\"}";
            default -> "{\"type\": \"string\", \"avro.java.string\": \"String\", \"java-class\": \"java.net.URL\"}";
        };
    }

    private String name() {
        return switch (random.nextInt(30)) {
            case 0 -> "N" + "n".repeat(random.nextInt(3_000)) + parts;
            case 1 -> random.nextInt(10) == 0 ? "over" : "O" + parts;
            case 2 -> "\u00e4\u4e2d" + parts;
            case 3 -> "a.b.N" + parts;
            default -> "N" + parts + "x" + names.size();
        };
    }

    private String empty() {
        return record("Empty", "");
    }

    /// Of two fields each, both of the one within.
    private String doubling(int levels, String leaf) {
        String record = record("L0", "{\"name\": \"a\", \"type\": " + leaf + "}");
        for (int i = 1; i <= levels; i++) {
            record = record("L" + i,
                    "{\"name\": \"a\", \"type\": " + record + "}, {\"name\": \"b\", \"type\": \"L" + (i - 1) + "\"}");
        }
        return record;
    }

    /// Each named before it is defined.
    private String laterChain(int types) {
        StringBuilder fields = new StringBuilder("{\"name\": \"s\", \"type\": \"R0\"}");
        for (int i = 0; i < types; i++) {
            String inner = record("R" + i, "{\"name\": \"n\", \"type\": \"R" + (i + 1) + "\"}");
            fields.append(", {\"name\": \"f").append(i).append("\", \"type\": [\"null\", ");
            fields.append(inner).append("]}");
        }
        fields.append(", {\"name\": \"last\", \"type\": ").append(record("R" + types, "")).append('}');
        return record("Top", fields);
    }

    private String deep(String container, int levels) {
        return record("Top", "{\"name\": \"tags\", \"type\": " + ("{\"type\": \"" + container).repeat(levels) + plain()
                + "}".repeat(levels) + "}");
    }

    private String wide(int count) {
        StringBuilder fields = new StringBuilder();
        String type = random.nextBoolean() ? "\"null\"" : "[\"null\", \"double\"]";
        for (int i = 0; i < count; i++) {
            field(fields, "f" + i, type);
        }
        return record("Top", fields);
    }

    private String longEnum(int count) {
        return record("Top", "{\"name\": \"e\", \"type\": " + symbols(count) + "}");
    }

    private String listOf(String items) {
        return record("Top",
                "{\"name\": \"tags\", \"type\": {\"type\": \"array\", \"items\": " + items
                        + "}}, {\"name\": \"steps\", \"type\": {\"type\": \"array\", \"items\": "
                        + "{\"type\": \"array\", \"items\": \"null\"}}}");
    }

    private String everything() {
        List<String> branches = new ArrayList<>();
        for (String plain : PLAIN) {
            branches.add("\"" + plain + "\"");
        }
        branches.add("{\"type\": \"array\", \"items\": \"Top\"}");
        branches.add("{\"type\": \"map\", \"values\": \"Top\"}");
        for (int i = random.nextInt(100); i > 0; i--) {
            branches.add(record("B" + i, "{\"name\": \"n\", \"type\": \"Top\"}"));
        }
        String union = String.join(", ", branches);
        return record("Top", "{\"name\": \"f\", \"type\": [" + union + "]}, {\"name\": \"s\", \"type\": \"bytes\"}");
    }

    /// Checking them takes 2^n steps.
    private String ringOfDefaults(int types) {
        StringBuilder fields = new StringBuilder();
        field(fields, "l0", record("L0", ""));
        for (int i = 1; i <= types; i++) {
            String of = "\", \"type\": \"L" + (i - 1) + "\", \"default\": {}}";
            fields.append(", {\"name\": \"l").append(i).append("\", \"default\": {}, \"type\": ");
            fields.append(record("L" + i, "{\"name\": \"a" + of + ", {\"name\": \"b" + of));
            fields.append('}');
        }
        return record("Top", fields);
    }

    // ---- values ----

    /// Avro data for a schema, or what is left of it.
    ///
    /// @param schema null when nobody could parse it
    byte[] avro(Schema schema) {
        return switch (random.nextInt(12)) {
            case 0 -> new byte[random.nextInt(64)];
            case 1 -> filled((byte) 2, random.nextInt(300));
            case 2 -> random(random.nextInt(200));
            case 3 -> random.nextInt(100) == 0 ? filled((byte) random.nextInt(4), 1 << 20)
                    : filled((byte) random.nextInt(4), random.nextInt(20_000));
            case 4, 5, 6 -> mutations.of(valid(schema));
            default -> valid(schema);
        };
    }

    private static byte[] filled(byte with, int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, with);
        return bytes;
    }

    private byte[] random(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] valid(Schema schema) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        steps = 0;
        write(schema, out, 0);
        return out.toByteArray();
    }

    /// Ends early where a schema has no end.
    private void write(Schema schema, ByteArrayOutputStream out, int deep) {
        if (++steps > STEPS_MAX || deep > 80) {
            return;
        }
        switch (schema.getType()) {
            case NULL -> {
                // Nothing.
            }
            case BOOLEAN -> out.write(random.nextInt(2));
            case INT -> number(random.nextInt(2), out);
            case LONG -> number(random.nextInt(4) == 0 ? random.nextLong() : 978_307_200_000_000L, out);
            case FLOAT -> out.writeBytes(random(4));
            case DOUBLE -> out.writeBytes(new byte[]{0, 0, 0, 0, 0, 0, (byte) random.nextInt(), 64});
            case STRING, BYTES -> {
                int length = random.nextInt(6);
                number(length, out);
                out.writeBytes(random.nextBoolean() ? random(length) : filled((byte) 'a', length));
            }
            case FIXED -> out.writeBytes(random(Math.min(schema.getFixedSize(), 200)));
            case ENUM -> number(random.nextInt(Math.max(1, schema.getEnumSymbols().size())), out);
            case UNION -> {
                int count = schema.getTypes().size();
                int branch = count == 0 ? 0 : random.nextInt(count);
                number(branch, out);
                if (count > 0) {
                    write(schema.getTypes().get(branch), out, deep + 1);
                }
            }
            case RECORD -> schema.getFields().forEach(field -> write(field.schema(), out, deep + 1));
            case ARRAY, MAP -> {
                int count = random.nextInt(4);
                number(count, out);
                for (int i = 0; i < count; i++) {
                    if (schema.getType() == Schema.Type.MAP) {
                        number(1, out);
                        out.write('k');
                        write(schema.getValueType(), out, deep + 1);
                    } else {
                        write(schema.getElementType(), out, deep + 1);
                    }
                }
                if (count > 0) {
                    out.write(0);
                }
            }
        }
    }

    private static void number(long value, ByteArrayOutputStream out) {
        long zigzag = value << 1 ^ value >> 63;
        for (; (zigzag & ~0x7fL) != 0; zigzag >>>= 7) {
            out.write((int) (zigzag & 0x7f | 0x80));
        }
        out.write((int) zigzag);
    }

    // ---- records as JSON ----

    byte[] jsonRecords() {
        StringBuilder text = new StringBuilder();
        int count = random.nextInt(3) > 0 ? 1 : random.nextInt(4);
        for (int i = 0; i < count; i++) {
            text.append(i == 0 ? "{" : ", {");
            boolean good = random.nextInt(3) > 0;
            for (String[] field : FIELDS) {
                if (good || random.nextInt(3) > 0) {
                    text.append(text.charAt(text.length() - 1) == '{' ? "\"" : ", \"");
                    text.append(field[0]).append("\": ");
                    text.append(good && random.nextInt(8) > 0 ? goodJson(field[0]) : json(0));
                }
            }
            text.append('}');
        }
        byte[] body = utf8(count == 1 ? text.toString() : "[" + text + "]");
        return random.nextInt(4) == 0 ? textMutations.of(body) : body;
    }

    private String goodJson(String field) {
        return switch (field) {
            case "over" -> "1";
            case "f" -> random.nextInt(2_000) / 8.0 + "";
            case "s", "e" -> "\"A\"";
            case "at" -> "\"2001-01-01T00:00:00Z\"";
            case "picture" -> "[0, 1, 2, 255]";
            case "tags" -> "[\"x\", \"y\"]";
            default -> "[0.5, 1]";
        };
    }

    private String json(int deep) {
        return switch (random.nextInt(16)) {
            case 0 -> "null";
            case 1 -> "true";
            case 2 -> "" + random.nextLong();
            case 3 -> "1e" + random.nextInt(-2_000, 2_000);
            case 4 -> "-0." + "1".repeat(random.nextInt(1, 100));
            case 5 -> "9".repeat(random.nextInt(1, 100));
            case 6 -> "\"" + "\\u0000\u00e4".repeat(random.nextInt(20)) + "\"";
            case 7 -> "\"\\ud83d\"";
            case 8 -> "\"" + "a".repeat(random.nextInt(3_000)) + "\"";
            case 9 -> "[" + "1,".repeat(random.nextInt(3_000)) + "1]";
            case 10 -> "[".repeat(random.nextInt(1, 2_000));
            case 11 -> "{\"a\": {}}";
            case 12 -> "\"2001-13-45T99:00Z\"";
            case 13 -> "[\"x\", null, true, 1e-320]";
            default -> deep > 6 ? "{}" : "[" + json(deep + 1) + ", " + json(deep + 1) + "]";
        };
    }
}
