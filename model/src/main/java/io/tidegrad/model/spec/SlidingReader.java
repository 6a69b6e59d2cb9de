package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Layers of a spec's network whose window slides over an image or along steps.
final class SlidingReader {
    private static final int SIDE_MAX = 4_096;

    private SlidingReader() {}

    static Layer read(String kind, SpecNode node, Initialization byDefault) {
        return switch (kind) {
            case "conv1d" -> conv1d(node, byDefault);
            case "conv2d" -> conv2d(node, byDefault);
            default -> pool(kind.equals("max-pool"), node);
        };
    }

    private static Layer conv1d(SpecNode node, Initialization byDefault) {
        Mapping keys = node.mapping("channels", "kernel", "stride", "padding", "bias", "init", "rate-factor", "frozen");
        SpecNode stride = keys.optional("stride");
        SpecNode padding = keys.optional("padding");
        return LayerReader.rated(new Conv1d(channels(keys),
                keys.required("kernel", "the steps of the window").integer(1, SIDE_MAX),
                stride == null ? 1 : stride.integer(1, SIDE_MAX), padding == null ? 0 : padding.integer(0, SIDE_MAX),
                LayerReader.flag(keys, "bias", true), LayerReader.initialization(keys, byDefault)), keys);
    }

    private static Layer conv2d(SpecNode node, Initialization byDefault) {
        Mapping keys = node.mapping("channels", "kernel", "stride", "padding", "bias", "init", "rate-factor", "frozen");
        return LayerReader.rated(new Conv2d(channels(keys),
                extent(keys.required("kernel", "the window's side, or [height, width]"), 1),
                extent(keys.optional("stride"), Extent.of(1), 1), extent(keys.optional("padding"), Extent.of(0), 0),
                LayerReader.flag(keys, "bias", true), LayerReader.initialization(keys, byDefault)), keys);
    }

    private static int channels(Mapping keys) {
        return keys.required("channels", "the number of channels").integer(1, LayerReader.UNITS_MAX);
    }

    /// Windows side by side unless told otherwise.
    private static Layer pool(boolean maximum, SpecNode node) {
        Extent kernel;
        Extent stride;
        Extent padding = Extent.of(0);
        if (node.isMapping()) {
            Mapping keys = node.mapping("kernel", "stride", "padding");
            kernel = extent(keys.required("kernel", "the window's side, or [height, width]"), 1);
            stride = extent(keys.optional("stride"), kernel, 1);
            SpecNode paddingNode = keys.optional("padding");
            padding = extent(paddingNode, padding, 0);
            if (paddingNode != null
                    && (2 * padding.height() > kernel.height() || 2 * padding.width() > kernel.width())) {
                paddingNode.problem("expected at most half the kernel of " + kernel + ", found " + padding);
                padding = Extent.of(0);
            }
        } else {
            kernel = extent(node, 1);
            stride = kernel;
        }
        return maximum ? new MaxPool2d(kernel, stride, padding) : new AveragePool2d(kernel, stride, padding);
    }

    private static Extent extent(@Nullable SpecNode node, Extent byDefault, int min) {
        return node == null ? byDefault : extent(node, min);
    }

    /// One number for both axes, or [height, width].
    private static Extent extent(SpecNode node, int min) {
        if (!node.isList()) {
            return Extent.of(node.integer(min, SIDE_MAX));
        }
        List<SpecNode> sides = node.list("[height, width]");
        if (sides.size() != 2) {
            node.problem("expected one number or [height, width], found " + sides.size());
            return Extent.of(Math.max(1, min));
        }
        return new Extent(sides.getFirst().integer(min, SIDE_MAX), sides.getLast().integer(min, SIDE_MAX));
    }
}
