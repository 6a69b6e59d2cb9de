package io.tidegrad.schemas;

import io.tidegrad.schemas.settings.NearestName;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;

/// The paths that the values of a schema have.
public final class SchemaPaths {
    /// A message names one of them, or a few.
    private static final int PATHS_MAX = 1_000;

    /// Types that are looked at: those of a hostile schema branch without end.
    private static final int LOOKS_MAX = 10_000;

    private static final int DEEP_MAX = 8;
    private static final int SHOWN_MAX = 12;

    private SchemaPaths() {}

    private record Open(Schema schema, String path, int deep) {
    }

    /// Of a schema the first thousand, those that are less deep first. An entry of a map is `map[key]`.
    public static Set<String> of(Schema root) {
        return leaves(root).keySet();
    }

    /// The same paths, each with the type that lies there, of a union the first.
    public static Map<String, Schema> leaves(Schema root) {
        Map<String, Schema> paths = new LinkedHashMap<>();
        Deque<Open> open = new ArrayDeque<>();
        open.add(new Open(root, "", 0));
        for (int looks = 0; !open.isEmpty() && paths.size() < PATHS_MAX && looks < LOOKS_MAX; looks++) {
            Open next = open.poll();
            if (next.deep > DEEP_MAX) {
                continue;
            }
            switch (next.schema.getType()) {
                case RECORD -> {
                    for (Schema.Field field : next.schema.getFields()) {
                        if (open.size() < PATHS_MAX) {
                            String name = FieldPath.escaped(field.name());
                            open.add(new Open(field.schema(), next.path.isEmpty() ? name : next.path + "." + name,
                                    next.deep + 1));
                        }
                    }
                }
                case UNION -> {
                    for (Schema branch : next.schema.getTypes().reversed()) {
                        if (open.size() < PATHS_MAX) {
                            open.addFirst(new Open(branch, next.path, next.deep));
                        }
                    }
                }
                case ARRAY -> open.add(new Open(next.schema.getElementType(), next.path + "[]", next.deep + 1));
                case MAP -> open.add(new Open(next.schema.getValueType(), next.path + "[key]", next.deep + 1));
                case NULL -> {
                    // What is always null is nothing to read.
                }
                default -> paths.putIfAbsent(next.path, next.schema);
            }
        }
        return paths;
    }

    /// Whether something can lie at a path in a schema's values, even if it only leads to others.
    public static boolean has(Schema root, FieldPath path) {
        // Each type once for a step: the branches of nested unions can lead to one type in many ways.
        Set<Schema> here = Set.of(root);
        for (FieldPath.Step step : path.steps()) {
            Set<Schema> next = Collections.newSetFromMap(new IdentityHashMap<>());
            for (Schema schema : here) {
                List<Schema> branches = schema.getType() == Schema.Type.UNION ? schema.getTypes() : List.of(schema);
                branches.forEach(branch -> addBehind(branch, step, next));
            }
            here = next;
        }
        return !here.isEmpty();
    }

    private static void addBehind(Schema schema, FieldPath.Step step, Set<Schema> to) {
        boolean isName = step.kind() == FieldPath.Kind.NAME;
        switch (schema.getType()) {
            case RECORD -> {
                Schema.Field field = isName ? schema.getField(step.name()) : null;
                if (field != null) {
                    to.add(field.schema());
                }
            }
            case MAP -> {
                if (!isName) {
                    to.add(schema.getValueType());
                }
            }
            case ARRAY -> {
                if (step.kind() == FieldPath.Kind.EACH) {
                    to.add(schema.getElementType());
                }
            }
            default -> {
                // Nothing lies in it.
            }
        }
    }

    /// `; did you mean 'merchant.country'?`, or some of the paths that there are.
    public static String hint(FieldPath wanted, Schema schema) {
        Set<String> paths = of(schema);
        String nearest = NearestName.nearest(wanted.toString(), paths);
        if (nearest != null) {
            return "; did you mean '" + nearest + "'?";
        }
        // A name that is right, but lies elsewhere.
        String last = wanted.steps().getLast().name();
        for (String path : paths) {
            if (!last.isEmpty() && (path.endsWith("." + last) || path.endsWith("." + last + "[]"))) {
                return "; did you mean '" + path + "'?";
            }
        }
        String some = String.join(", ", paths.stream().limit(SHOWN_MAX).toList());
        return " (known: " + some + (paths.size() > SHOWN_MAX ? ", …" : "") + ")";
    }
}
