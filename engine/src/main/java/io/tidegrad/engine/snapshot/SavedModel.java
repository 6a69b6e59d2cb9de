package io.tidegrad.engine.snapshot;

import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.Arrays;

/// Saves a whole model as bytes, for programs that use the engine without Kafka. A model that is read back predicts and
/// continues to learn with the same bits. The spec is code and not saved; a hash of its tensors' names and shapes is,
/// so that a model of another spec is refused.
///
/// ```
/// "tidegrad model  "                  16 bytes, ASCII
/// format (1), Numerics.VERSION        int, int      numbers are little-endian
/// SHA-256 of the tensors              32 bytes, of a line `name rows columns` each, in plan order
/// updates, examples                   long, long
/// served, optimizer stream's length   long, long
/// served stream, optimizer stream     as `Parameters` has them
/// SHA-256 of all of the above         32 bytes
/// ```
public final class SavedModel {
    private static final byte[] MAGIC = "tidegrad model  ".getBytes(StandardCharsets.US_ASCII);
    private static final int FORMAT = 1;
    private static final int DIGEST_BYTES = 32;
    private static final int HEADER_BYTES = MAGIC.length + 2 * Integer.BYTES + DIGEST_BYTES + 4 * Long.BYTES;

    private SavedModel() {}

    /// Writes the model with its optimizer state. Leaves the stream open.
    public static void write(Parameters parameters, OutputStream out) throws IOException {
        MessageDigest digest = ModelHash.sha256();
        DigestOutputStream body = new DigestOutputStream(out, digest);
        body.write(header(parameters).array());
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.pages(); number++) {
            parameters.readPage(number, page, 0);
            body.write(page, 0, parameters.pageLength(number));
        }
        out.write(digest.digest());
    }

    /// Reads a model of this plan.
    ///
    /// @throws SavedModelException the bytes are not a complete model of this plan; the message says what differs
    public static Parameters read(Plan plan, InputStream in) throws IOException {
        MessageDigest digest = ModelHash.sha256();
        DataInputStream body = new DataInputStream(new DigestInputStream(in, digest));
        ByteBuffer found = littleEndian(read(body, HEADER_BYTES, "the header"));
        Parameters parameters = Parameters.blank(plan);
        requireFits(parameters, found);
        for (int number = 0; number < parameters.pages(); number++) {
            byte[] page = read(body, parameters.pageLength(number), "page " + number);
            parameters.writePage(number, page, 0);
        }
        byte[] computed = digest.digest();
        if (!Arrays.equals(computed, read(body, DIGEST_BYTES, "the checksum"))) {
            throw new SavedModelException("expected the bytes that were written, found others: the checksum differs");
        }
        return parameters;
    }

    private static ByteBuffer header(Parameters parameters) {
        return littleEndian(new byte[HEADER_BYTES]).put(MAGIC).putInt(FORMAT).putInt(Numerics.VERSION)
                .put(tensors(parameters.plan())).putLong(parameters.updates()).putLong(parameters.examples())
                .putLong(parameters.servedBytes()).putLong(parameters.optimizerBytes());
    }

    /// Checks the header and sets the parameters' counts.
    private static void requireFits(Parameters parameters, ByteBuffer found) throws IOException {
        byte[] magic = new byte[MAGIC.length];
        found.get(magic);
        require("a saved model", Arrays.equals(magic, MAGIC), "other bytes");
        int format = found.getInt();
        require("format " + FORMAT, format == FORMAT, "format " + format);
        int numerics = found.getInt();
        require("numerics " + Numerics.VERSION, numerics == Numerics.VERSION,
                "numerics " + numerics + ": only the build that wrote it can continue with the same bits");
        byte[] tensors = new byte[DIGEST_BYTES];
        found.get(tensors);
        require("a model whose tensors are those of the spec", Arrays.equals(tensors, tensors(parameters.plan())),
                "one of another spec");
        parameters.setCounts(found.getLong(), found.getLong());
        requireLength("served", parameters.servedBytes(), found.getLong());
        requireLength("optimizer", parameters.optimizerBytes(), found.getLong());
    }

    private static void requireLength(String stream, long expected, long found) throws SavedModelException {
        require(expected + " bytes in the " + stream + " stream", expected == found, "" + found);
    }

    private static void require(String expected, boolean holds, String found) throws SavedModelException {
        if (!holds) {
            throw new SavedModelException("expected " + expected + ", found " + found);
        }
    }

    private static byte[] tensors(Plan plan) {
        MessageDigest digest = ModelHash.sha256();
        digest.update(plan.shapes().getBytes(StandardCharsets.UTF_8));
        return digest.digest();
    }

    private static byte[] read(DataInputStream in, int bytes, String what) throws IOException {
        byte[] read = in.readNBytes(bytes);
        require(bytes + " bytes of " + what, read.length == bytes, read.length + ", then the end");
        return read;
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
