package io.tidegrad.engine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adam;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelHashTest {
    private static final byte[] FINGERPRINT = "fingerprint of the spec".getBytes(StandardCharsets.UTF_8);
    private static final byte[] PENDING = {1, 2, 3};

    /// 1.2 leaves of weights, 2.4 of state.
    private static Parameters parameters() {
        return parameters(300, 64);
    }

    private static Parameters parameters(int inputs, int outputs) {
        Parameters parameters = Parameters.initial(Plan.of(new NetworkSpec(new RowShape(inputs, 0, outputs),
                new Sequence(new Numbers(0, inputs), new Standardise(), new Dense(outputs)), new MeanSquaredError(),
                Adam.of(0.001), 9)));
        parameters.setCounts(17, 4711);
        return parameters;
    }

    /// The docstring's layout, written down a second time: of a model of few leaves and of one whose 55 and 110 leaves are
    /// hashed in parallel.
    @ParameterizedTest
    @CsvSource({"300, 64", "3000, 300"})
    void hashesAreThoseOfTheDocumentedBytes(int inputs, int outputs) throws Exception {
        Parameters parameters = parameters(inputs, outputs);
        ByteArrayOutputStream weights = new ByteArrayOutputStream();
        weights.write("tidegrad weights".getBytes(StandardCharsets.US_ASCII));
        weights.write(littleEndian(4, FINGERPRINT.length));
        weights.write(FINGERPRINT);
        weights.write(littleEndian(4, Numerics.VERSION));
        weights.write(littleEndian(8, 17));
        weights.write(littleEndian(8, 4711));
        weights.write(littleEndian(8, parameters.servedBytes()));
        weights.write(leaves(stream(parameters, 0, parameters.servedPages())));
        String weightsHash = HexFormat.of().formatHex(sha256(weights.toByteArray()));
        assertThat(ModelHash.weights(FINGERPRINT, parameters)).isEqualTo(weightsHash);

        ByteArrayOutputStream state = new ByteArrayOutputStream();
        state.write("tidegrad state  ".getBytes(StandardCharsets.US_ASCII));
        state.write(HexFormat.of().parseHex(weightsHash));
        state.write(littleEndian(8, parameters.optimizerBytes()));
        state.write(leaves(stream(parameters, parameters.servedPages(), parameters.pages())));
        state.write(littleEndian(8, PENDING.length));
        state.write(PENDING);
        assertThat(ModelHash.state(weightsHash, parameters, PENDING))
                .isEqualTo(HexFormat.of().formatHex(sha256(state.toByteArray())));
    }

    @Test
    void aScorersCopyHasTheSameWeightsHash() {
        Parameters parameters = parameters();
        Parameters served = Parameters.served(parameters.plan());
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < served.pages(); number++) {
            parameters.readPage(number, page, 0);
            served.writePage(number, page, 0);
        }
        served.setCounts(parameters.updates(), parameters.examples());
        assertThat(ModelHash.weights(FINGERPRINT, served)).isEqualTo(ModelHash.weights(FINGERPRINT, parameters));
    }

    @Test
    void aFlippedBitAnywhereShows() {
        Parameters parameters = parameters();
        String weights = ModelHash.weights(FINGERPRINT, parameters);
        String state = ModelHash.state(weights, parameters, PENDING);
        Random random = new Random(3);
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.pages(); number++) {
            parameters.readPage(number, page, 0);
            int at = random.nextInt(parameters.pageLength(number));
            page[at] ^= (byte) (1 << random.nextInt(8));
            parameters.writePage(number, page, 0);
            boolean served = number < parameters.servedPages();
            String flipped = ModelHash.weights(FINGERPRINT, parameters);
            assertThat(flipped.equals(weights)).as("page %d", number).isEqualTo(!served);
            assertThat(ModelHash.state(flipped, parameters, PENDING)).isNotEqualTo(state);
            parameters.writePage(number, original(number), 0);
        }
        assertThat(ModelHash.weights(FINGERPRINT, parameters)).isEqualTo(weights);
    }

    @Test
    void countsFingerprintAndPendingRowsShow() {
        Parameters parameters = parameters();
        String weights = ModelHash.weights(FINGERPRINT, parameters);
        assertThat(ModelHash.weights(new byte[]{1}, parameters)).isNotEqualTo(weights);
        assertThat(ModelHash.state(weights, parameters, new byte[0]))
                .isNotEqualTo(ModelHash.state(weights, parameters, new byte[]{0}));
        parameters.setCounts(18, 4711);
        assertThat(ModelHash.weights(FINGERPRINT, parameters)).isNotEqualTo(weights);
        parameters.setCounts(17, 4710);
        assertThat(ModelHash.weights(FINGERPRINT, parameters)).isNotEqualTo(weights);
    }

    private static byte[] original(int number) {
        byte[] page = new byte[Parameters.PAGE_BYTES];
        parameters().readPage(number, page, 0);
        return page;
    }

    private static byte[] stream(Parameters parameters, int from, int to) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = from; number < to; number++) {
            parameters.readPage(number, page, 0);
            bytes.write(page, 0, parameters.pageLength(number));
        }
        return bytes.toByteArray();
    }

    private static byte[] leaves(byte[] stream) throws Exception {
        ByteArrayOutputStream digests = new ByteArrayOutputStream();
        for (int at = 0; at < stream.length; at += 65_536) {
            digests.write(sha256(Arrays.copyOfRange(stream, at, Math.min(at + 65_536, stream.length))));
        }
        return digests.toByteArray();
    }

    private static byte[] sha256(byte[] bytes) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(bytes);
    }

    private static byte[] littleEndian(int bytes, long value) {
        ByteBuffer buffer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
        return Arrays.copyOf(buffer.array(), bytes);
    }
}
