package io.tidegrad.trainer.store;

/// How far the restore of a state has come.
///
/// @param pagesRestored how many different pages were read from the changelog
/// @param pages how many pages the model has
/// @param bytes how many bytes were read from the changelog
/// @param redone how many events were learned again
/// @param toRedo how many events are to be learned again; 0 until that is known
public record RestoreProgress(int pagesRestored, int pages, long bytes, long redone, long toRedo) {
    static final RestoreProgress NONE = new RestoreProgress(0, 0, 0, 0, 0);
}
