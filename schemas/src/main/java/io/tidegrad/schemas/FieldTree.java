package io.tidegrad.schemas;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The paths that somebody reads, as a tree: what a reader of nested objects needs to tell what to keep.
public final class FieldTree {
    private final String path;
    private final boolean inList;
    private final Map<String, FieldTree> children = new HashMap<>();
    private boolean isMap;
    private @Nullable FieldTree each;
    private @Nullable String field;

    private FieldTree(String path, boolean inList) {
        this.path = path;
        this.inList = inList;
    }

    /// @param fields paths as they are asked for; what is no path is a name
    public static FieldTree of(Collection<String> fields) {
        FieldTree root = new FieldTree("", false);
        for (String field : fields) {
            root.add(FieldPath.parsedOrName(field), 0, field);
        }
        root.spread();
        return root;
    }

    private void add(FieldPath of, int step, String asked) {
        if (step == of.steps().size()) {
            field = field == null ? asked : field;
            return;
        }
        FieldPath.Step next = of.steps().get(step);
        switch (next.kind()) {
            case EACH -> {
                if (each == null) {
                    each = new FieldTree(path + "[]", true);
                }
                each.add(of, step + 1, asked);
            }
            case KEY -> {
                isMap = true;
                child(next.name(), path + "[" + FieldPath.escaped(next.name()) + "]").add(of, step + 1, asked);
            }
            case NAME -> child(next.name(), below(next.name())).add(of, step + 1, asked);
        }
    }

    private FieldTree child(String name, String childPath) {
        return children.computeIfAbsent(name, unused -> new FieldTree(childPath, inList));
    }

    /// What is read of each entry of a map is read of those, too, that have a path of their own.
    private void spread() {
        for (FieldTree child : children.values()) {
            if (each != null) {
                child.addAll(each);
            }
            child.spread();
        }
        if (each != null) {
            each.spread();
        }
    }

    private void addAll(FieldTree other) {
        field = field == null ? other.field : field;
        isMap |= other.isMap;
        other.children.forEach((name, tree) -> child(name, tree.path).addAll(tree));
        FieldTree ofOther = other.each;
        if (ofOther != null) {
            if (each == null) {
                each = new FieldTree(path + "[]", true);
            }
            each.addAll(ofOther);
        }
    }

    /// Of a name in an object, or of one of its entries; null where no path goes.
    public @Nullable FieldTree child(String name) {
        FieldTree child = children.get(name);
        return child == null ? each : child;
    }

    /// Of each element; null where no path goes to them.
    public @Nullable FieldTree each() {
        return each;
    }

    /// The path that ends here, as it was asked for; null where none ends.
    public @Nullable String field() {
        return field;
    }

    /// Whether the names in the object are keys of a map, of which any may be there.
    public boolean isMap() {
        return isMap || each != null;
    }

    public boolean holdsObject() {
        return !children.isEmpty() || each != null;
    }

    public boolean isInList() {
        return inList;
    }

    /// The path up to here.
    public String path() {
        return path;
    }

    /// The path of a name behind this one.
    public String below(String name) {
        return path.isEmpty() ? FieldPath.escaped(name) : path + "." + FieldPath.escaped(name);
    }

    /// Whether this is, or goes on to, the path.
    public boolean leadsTo(String wanted) {
        if (path.equals(wanted)) {
            return true;
        }
        return children.values().stream().anyMatch(child -> child.leadsTo(wanted))
                || each != null && each.leadsTo(wanted);
    }
}
