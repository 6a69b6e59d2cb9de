package io.tidegrad.control;

/// What was decided about a model. Trainers and scorers follow it from its record's commit on.
public sealed interface ControlAction {
    /// An epoch begins from nothing: the first one, or the next after a deletion.
    ///
    /// @param specFingerprint 64 hex digits
    /// @param inputTopicId as Kafka prints it
    /// @param startOffset of the first event that belongs to it
    record Create(int epoch, String specFingerprint, String inputTopic, String inputTopicId,
            long startOffset) implements ControlAction {
    }

    /// Learning stops; scorers go on answering.
    record Pause() implements ControlAction {
    }

    /// Learning goes on where it stopped.
    record Resume() implements ControlAction {
    }

    /// A new epoch begins with an earlier version: it is served at once, under the new epoch and its own number, and
    /// learned on from `resumeOffset`. Whatever is of an earlier epoch is refused from here on, however new.
    ///
    /// @param epoch that begins, above all before
    /// @param resumeOffset of the first event that is learned on top; what lies between the base and it is left out
    record Rollback(int epoch, Base base, long resumeOffset) implements ControlAction {
    }

    /// The model's name is answered by another model, or by itself again.
    ///
    /// @param by that other model, or the model itself
    /// @param epoch of `by` when it was decided
    record Promote(String by, int epoch) implements ControlAction {
    }

    /// Nobody learns it any more, nobody answers.
    record Delete() implements ControlAction {
    }

    /// Another model scores what is asked under this name too, and is compared with the one that answers.
    ///
    /// @param by that other model
    /// @param epoch of `by` when it was decided
    record Shadow(String by, int epoch) implements ControlAction {
    }

    /// Another model answers for a share of the keys that are asked with under this name.
    ///
    /// @param by that other model
    /// @param epoch of `by` when it was decided
    /// @param share of all keys, in ten-thousandths, 1 to `Candidate.WHOLE`
    record Challenge(String by, int epoch, int share) implements ControlAction {
    }

    /// Another model is no shadow and no challenger of this name any more.
    record Withdraw(String by) implements ControlAction {
    }

    /// A published version that an epoch goes on from.
    ///
    /// @param version its update count
    /// @param weightsHash 64 hex digits
    /// @param nextOffset of the log of record, exclusive: what the version has learned
    record Base(int epoch, long version, String weightsHash, long nextOffset) {
    }

    /// One lower-case word, as the commands are called.
    default String word() {
        return switch (this) {
            case Create create -> "create";
            case Pause pause -> "pause";
            case Resume resume -> "resume";
            case Rollback rollback -> "rollback";
            case Promote promote -> "promote";
            case Delete delete -> "delete";
            case Shadow shadow -> "shadow";
            case Challenge challenge -> "challenge";
            case Withdraw withdraw -> "withdraw";
        };
    }
}
