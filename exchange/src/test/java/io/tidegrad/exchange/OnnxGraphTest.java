package io.tidegrad.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class OnnxGraphTest {
    private static final double[] BOUNDS = {0.5, 1.5, 2.5, 3.5};

    /// 64 bytes hold 32 of bounds, once, and 32 of weights.
    @Test
    void aSharedConstantTakesItsRoomOnce() {
        OnnxGraph graph = new OnnxGraph(64);
        assertThat(graph.doubles("a/bounds", BOUNDS, 4)).isEqualTo("a/bounds");
        graph.floats("weights", new float[8], 8);
        assertThat(graph.doubles("b/bounds", BOUNDS.clone(), 4)).as("when nothing more fits").isEqualTo("a/bounds");
        assertThat(graph.build("g").getInitializerList()).extracting(each -> each.getName()).containsExactly("a/bounds",
                "weights");
    }

    @Test
    void whatIsNotSharedIsRefusedWhenItDoesNotFit() {
        OnnxGraph graph = new OnnxGraph(64);
        graph.doubles("a/bounds", BOUNDS, 4);
        graph.floats("weights", new float[8], 8);
        assertThatThrownBy(() -> graph.doubles("b/bounds", new double[]{7}, 1))
                .isInstanceOf(NotExpressibleException.class)
                .hasMessage("an ONNX file holds at most 2 GiB, and with b/bounds the weights come to 72 bytes;"
                        + " export to .safetensors, which has no limit");
        assertThatThrownBy(() -> graph.floats("bias", new float[1], 1)).isInstanceOf(NotExpressibleException.class)
                .hasMessageContaining("with bias the weights come to 68 bytes");
    }
}
