package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Sgd;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ParametersTest {
    private static Parameters initial(int numbers, int ids, Layer network, int outputs, Optimizer optimizer,
            long seed) {
        return Parameters.initial(Plan.of(new NetworkSpec(new RowShape(numbers, ids, outputs), network,
                new MeanSquaredError(), optimizer, seed)));
    }

    /// Byte by byte what the docstring promises, for tensors that straddle pages and panels.
    @Test
    void streamsAreTightAndLogical() {
        int inputs = 30;
        int outputs = 100;
        Parameters parameters =
                initial(inputs, 0, new Sequence(new Numbers(0, inputs), new Standardise(), new Dense(outputs)), outputs,
                        Adam.of(0.001), 3);
        long statistics = (1 + 2 * inputs) * 8L;
        assertThat(parameters.servedBytes()).isEqualTo(statistics + (inputs * outputs + outputs) * 4L);
        assertThat(parameters.optimizerBytes()).isEqualTo(2L * (inputs * outputs + outputs) * 4);

        ByteBuffer stream = ByteBuffer.allocate((int) parameters.servedBytes());
        stream.order(ByteOrder.LITTLE_ENDIAN);
        for (int page = 0; page < parameters.servedPages(); page++) {
            parameters.readPage(page, stream.array(), page * Parameters.PAGE_BYTES);
        }
        float[] weights = parameters.weights("2.weight");
        for (int i = 0; i < weights.length; i++) {
            assertThat(stream.getFloat((int) statistics + 4 * i)).isEqualTo(weights[i]);
        }
    }

    @Test
    void everyByteOfEveryPageComesBack() {
        int rows = 3_000_000; // two blocks with state
        Parameters parameters =
                initial(5, 1, new Sequence(new Embedding(0, 1, rows, 1, Embedding.Update.TOUCHED), new Dense(70)), 70,
                        Adam.of(0.001), 3);
        Random random = new Random(11);
        byte[] written = new byte[Parameters.PAGE_BYTES];
        byte[] read = new byte[Parameters.PAGE_BYTES];
        // Every page is written before the first is read, so that none may land on another.
        for (int page = 0; page < parameters.pages(); page++) {
            random.setSeed(page);
            randomFloats(random, written);
            parameters.writePage(page, written, 0);
        }
        for (int page = 0; page < parameters.pages(); page++) {
            random.setSeed(page);
            randomFloats(random, written);
            parameters.readPage(page, read, 0);
            assertThat(parameters.pageLength(page)).isPositive();
            for (int i = 0; i < parameters.pageLength(page); i++) {
                if (read[i] != written[i]) {
                    assertThat(read[i]).as("page %d, byte %d", page, i).isEqualTo(written[i]);
                }
            }
        }
    }

    /// Any bits but those of a NaN, which Java may change.
    private static void randomFloats(Random random, byte[] bytes) {
        random.nextBytes(bytes);
        for (int i = 3; i < bytes.length; i += 4) {
            bytes[i] &= (byte) 0xBF;
        }
    }

    @Test
    void aNonFiniteValueIsFoundWhereverItStands() {
        Parameters parameters = initial(600, 0, new Sequence(new Numbers(0, 600), new Standardise(), new Dense(20)), 20,
                Adam.of(0.001), 3);
        assertThat(parameters.firstNonFinitePage(parameters.dirty())).isEqualTo(-1);
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.pages(); number++) {
            parameters.readPage(number, page, 0);
            byte[] clean = page.clone();
            boolean statistics = number == 0;
            ByteBuffer buffer = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
            int at = parameters.pageLength(number) - (statistics ? 8 : 4);
            if (statistics) {
                buffer.putDouble(at, Double.POSITIVE_INFINITY);
            } else {
                buffer.putFloat(at, Float.NaN);
            }
            parameters.writePage(number, page, 0);
            assertThat(parameters.firstNonFinitePage(parameters.dirty())).isEqualTo(number);
            PageSet others = new PageSet(parameters.pages());
            others.addAll(parameters.dirty());
            parameters.writePage(number, clean, 0);
        }
        assertThat(parameters.firstNonFinitePage(parameters.dirty())).isEqualTo(-1);
    }

    /// 6 standard errors, as the golden case `init_statistics` allows.
    @ParameterizedTest
    @EnumSource(Initialization.class)
    void weightsAreDrawnAsTheSchemeSays(Initialization initialization) {
        int inputs = 784;
        int outputs = 40;
        float[] weights =
                initial(inputs, 0, new Sequence(new Numbers(0, inputs), new Dense(outputs, true, initialization)),
                        outputs, new Sgd(0.1), 42).weights("1.weight");
        double deviation = switch (initialization) {
            case HE_UNIFORM, HE_NORMAL -> Math.sqrt(2.0 / inputs);
            case XAVIER_UNIFORM, XAVIER_NORMAL -> Math.sqrt(2.0 / (inputs + outputs));
            case SMALL_NORMAL -> 0.1 / Math.sqrt(inputs);
            case ZERO -> 0;
        };
        double sum = 0;
        double squares = 0;
        double max = 0;
        for (float w : weights) {
            sum += w;
            squares += (double) w * w;
            max = Math.max(max, Math.abs(w));
        }
        int n = weights.length;
        assertThat(sum / n).isCloseTo(0, within(6 * deviation / Math.sqrt(n)));
        assertThat(Math.sqrt(squares / n)).isCloseTo(deviation, within(6 * deviation / Math.sqrt(2.0 * n)));
        double bound = Math.sqrt(3) * deviation;
        if (initialization.isNormal()) {
            assertThat(max).isBetween(3 * deviation, 6 * deviation);
        } else {
            assertThat(max).isBetween(0.99 * bound, bound * (1 + 1e-6));
        }
    }

    @Test
    void aSeedAlwaysGivesTheSameWeightsAndAnotherSeedOthers() {
        Layer network = new Sequence(new Embedding(0, 1, 100, 4, Embedding.Update.TOUCHED), new Dense(3));
        float[] first = initial(0, 1, network, 3, new Sgd(0.1), 1).weights("0.weight");
        assertThat(initial(0, 1, network, 3, Adam.of(0.1), 1).weights("0.weight")).isEqualTo(first);
        assertThat(initial(0, 1, network, 3, new Sgd(0.1), 2).weights("0.weight")).isNotEqualTo(first);
        for (float w : first) {
            assertThat(w).isBetween(-Embedding.START, Embedding.START);
        }
    }
}
