package io.tidegrad.model.spec;

import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/// Writes a key into the `input` of a spec's text and leaves all else as its author wrote it.
final class InputText {
    private InputText() {}

    /// @param yaml of a sound spec
    static String with(String yaml, String key, String value) {
        Problems problems = new Problems(true);
        MappingNode input = input(YamlTree.read(yaml, "model", problems));
        Mark start = input.getStartMark().orElseThrow();
        int at = offset(yaml, start);
        return input.getFlowStyle() == FlowStyle.FLOW
                ? yaml.substring(0, at + 1) + " " + key + ": " + value + "," + yaml.substring(at + 1)
                : yaml.substring(0, at) + key + ": " + value + "\n" + " ".repeat(start.getColumn())
                        + yaml.substring(at);
    }

    private static MappingNode input(@Nullable Node root) {
        if (root instanceof MappingNode mapping) {
            for (NodeTuple entry : mapping.getValue()) {
                if (entry.getKeyNode() instanceof ScalarNode name && name.getValue().equals("input")
                        && entry.getValueNode() instanceof MappingNode input) {
                    return input;
                }
            }
        }
        throw new IllegalStateException("expected a spec with input: { … }, found another text");
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
