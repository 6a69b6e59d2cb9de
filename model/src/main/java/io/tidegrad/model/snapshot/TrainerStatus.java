package io.tidegrad.model.snapshot;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A trainer's status of a model, for people who read the topics: whether it learns, why it doesn't, and how many
/// events it rejected. The process writes it outside transactions and independently of the model's learning thread, so
/// it also tells why learning stopped. Scorers ignore it. Format: magic TGST, format (4), epoch (4), time (8), exit
/// code (4), accepted (8), dead letters (8), share of the last minute (8), state (text), number of reasons (4) and for
/// each word (text), message (text) and since (8); in format 2 also number of stages that have served (4) and for each
/// epoch (4), stage (text), predictions (8), loss (8), AUC (8), mean prediction (8) and mean label (8); CRC32C (4). A text is
/// preceded by its length (4). A model that never served has format 1.
///
/// @param time epoch ms, the trainer's clock
/// @param state `learning`, `retrying` or `failed`
/// @param exitCode exit code for the reason why it stopped; 0 while it learns
/// @param accepted events of the epoch that were learned or are pending; -1 if unknown
/// @param deadLetters events of the epoch that were rejected; -1 if unknown
/// @param recentDeadLetterShare share of dead letters among the events of about the last minute, 0 to 1; NaN if there
///     were none
/// @param reasons why it does not learn as it should; empty if it does
/// @param served how good what was served turned out to be, by epoch and stage, newest epoch first
public record TrainerStatus(int epoch, long time, String state, int exitCode, long accepted, long deadLetters,
        double recentDeadLetterShare, List<Reason> reasons, List<AsServed> served) {
    public static final String LEARNING = "learning";
    public static final String RETRYING = "retrying";
    public static final String FAILED = "failed";
    public static final long UNKNOWN = -1;

    private static final String MAGIC = "TGST";
    private static final int FORMAT_UNSERVED = 1;
    private static final int FORMAT = 2;
    private static final int WORD_BYTES_MAX = 100;
    private static final int MESSAGE_BYTES_MAX = 4_096;
    private static final int REASONS_MAX = 100;
    private static final int STAGES_MAX = 100;

    /// @param word identifier of the reason
    /// @param message a sentence for people, cut to 4,096 bytes
    /// @param since epoch ms since which the reason holds
    public record Reason(String word, String message, long since) {
    }

    /// A number that the model does not have is NaN.
    ///
    /// @param stage `live` or `challenger`
    /// @param predictions served ones whose label is known
    /// @param loss log loss; of a regression the mean squared error
    /// @param meanLabel what the mean prediction should have been
    public record AsServed(int epoch, String stage, long predictions, double loss, double auc, double meanPrediction,
            double meanLabel) {
    }

    public TrainerStatus {
        reasons = List.copyOf(reasons);
        served = List.copyOf(served);
    }

    /// Whether the model does not learn at present: its state is `retrying` or `failed`.
    public boolean hasStopped() {
        return !state.equals(LEARNING);
    }

    public byte[] encode() {
        BinaryWriter to = new BinaryWriter(MAGIC, served.isEmpty() ? FORMAT_UNSERVED : FORMAT, 256).int32(epoch)
                .int64(time).int32(exitCode).int64(accepted).int64(deadLetters).float64(recentDeadLetterShare)
                .text(state).int32(reasons.size());
        for (Reason reason : reasons) {
            to.text(reason.word()).text(cut(reason.message())).int64(reason.since());
        }
        if (!served.isEmpty()) {
            to.int32(served.size());
            for (AsServed each : served) {
                to.int32(each.epoch).text(each.stage).int64(each.predictions).float64(each.loss).float64(each.auc)
                        .float64(each.meanPrediction).float64(each.meanLabel);
            }
        }
        return to.seal();
    }

    /// Cuts a message by characters: a UTF-16 unit takes at most three bytes in UTF-8.
    private static String cut(String message) {
        return message.getBytes(StandardCharsets.UTF_8).length <= MESSAGE_BYTES_MAX ? message
                : message.substring(0, Math.min(message.length(), MESSAGE_BYTES_MAX / 3 - 1)) + "…";
    }

    /// @throws SnapshotFormatException the bytes are no status; the message says what was expected and found
    public static TrainerStatus decode(byte[] bytes) {
        BinaryReader from =
                new BinaryReader(bytes, "trainer status", MAGIC, FORMAT_UNSERVED, FORMAT, SnapshotFormatException::new);
        int epoch = from.int32();
        long time = from.int64();
        int exitCode = from.int32();
        long accepted = from.int64();
        long deadLetters = from.int64();
        double share = from.float64();
        String state = from.text("state", WORD_BYTES_MAX);
        int count = from.count("number of reasons", REASONS_MAX);
        List<Reason> reasons = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            reasons.add(new Reason(from.text("reason", WORD_BYTES_MAX), from.text("message", MESSAGE_BYTES_MAX),
                    from.int64()));
        }
        List<AsServed> served = new ArrayList<>();
        int stages = from.format() == FORMAT_UNSERVED ? 0 : from.count("number of stages", STAGES_MAX);
        for (int i = 0; i < stages; i++) {
            served.add(new AsServed(from.int32(), from.text("stage", WORD_BYTES_MAX), from.int64(), from.float64(),
                    from.float64(), from.float64(), from.float64()));
        }
        from.end();
        return new TrainerStatus(epoch, time, state, exitCode, accepted, deadLetters, share, reasons, served);
    }
}
