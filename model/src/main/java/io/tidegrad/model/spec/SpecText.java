package io.tidegrad.model.spec;

import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/// Changes a section of a spec's text, like `input`, and leaves all else as its author wrote it. The text is that of a
/// sound spec.
public final class SpecText {
    private SpecText() {}

    /// Writes a key into a section that is a mapping.
    public static String with(String yaml, String section, String key, String value) {
        MappingNode keys = mapping(root(yaml), section);
        Mark start = keys.getStartMark().orElseThrow();
        int at = offset(yaml, start);
        return keys.getFlowStyle() == FlowStyle.FLOW
                ? yaml.substring(0, at + 1) + " " + key + ": " + value + "," + yaml.substring(at + 1)
                : yaml.substring(0, at) + key + ": " + value + "\n" + " ".repeat(start.getColumn())
                        + yaml.substring(at);
    }

    /// Returns the text of a section that lies under its name, its first line indented as it is there.
    static String of(String yaml, String section) {
        Node node = section(root(yaml), section);
        Mark start = node.getStartMark().orElseThrow();
        return " ".repeat(start.getColumn())
                + yaml.substring(offset(yaml, start), offset(yaml, node.getEndMark().orElseThrow())).stripTrailing();
    }

    /// Puts lines where a section has one value.
    static String replaced(String yaml, String section, String lines) {
        Node node = section(root(yaml), section);
        return yaml.substring(0, offset(yaml, node.getStartMark().orElseThrow())).stripTrailing() + "\n"
                + lines.stripTrailing() + yaml.substring(offset(yaml, node.getEndMark().orElseThrow()));
    }

    /// Writes a line in front of a section.
    static String before(String yaml, String section, String line) {
        Mark start = entry(root(yaml), section).getKeyNode().getStartMark().orElseThrow();
        int at = offset(yaml, start);
        return yaml.substring(0, at) + line + "\n" + " ".repeat(start.getColumn()) + yaml.substring(at);
    }

    static boolean has(String yaml, String section) {
        return find(root(yaml), section) != null;
    }

    private static @Nullable Node root(String yaml) {
        return YamlTree.read(yaml, "spec", new Problems(true));
    }

    private static MappingNode mapping(@Nullable Node root, String section) {
        if (section(root, section) instanceof MappingNode keys) {
            return keys;
        }
        throw new IllegalStateException("expected a spec with " + section + ": { … }, found another text");
    }

    private static Node section(@Nullable Node root, String section) {
        return entry(root, section).getValueNode();
    }

    private static NodeTuple entry(@Nullable Node root, String section) {
        NodeTuple found = find(root, section);
        if (found == null) {
            throw new IllegalStateException("expected a spec with " + section + ", found another text");
        }
        return found;
    }

    private static @Nullable NodeTuple find(@Nullable Node root, String section) {
        if (root instanceof MappingNode mapping) {
            for (NodeTuple entry : mapping.getValue()) {
                if (entry.getKeyNode() instanceof ScalarNode name && name.getValue().equals(section)) {
                    return entry;
                }
            }
        }
        return null;
    }

    /// Marks count lines and, in a line, code points.
    private static int offset(String yaml, Mark mark) {
        int at = 0;
        for (int line = 0; line < mark.getLine(); line++) {
            int end = yaml.indexOf('\n', at);
            int carriage = yaml.indexOf('\r', at);
            boolean alone = carriage >= 0 && (end < 0 || carriage < end) && carriage + 1 != end;
            at = (alone ? carriage : end) + 1;
        }
        return yaml.offsetByCodePoints(at, mark.getColumn());
    }
}
