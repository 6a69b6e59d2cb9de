package io.tidegrad.trainer.store;

/// How far a start has come.
///
/// @param pagesRestored different ones of the model's that were read from the changelog
/// @param pages of the model
/// @param bytes read from the changelog
/// @param redone events learned again
/// @param toRedo events to learn again, in all; 0 until that is known
public record RestoreProgress(int pagesRestored, int pages, long bytes, long redone, long toRedo) {
    static final RestoreProgress NONE = new RestoreProgress(0, 0, 0, 0, 0);
}
