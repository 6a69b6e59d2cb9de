package io.tidegrad.schemas;

/// Takes the values that a [FieldPlan] finds in an event, each under the number of its path. A path with `[]`, or one
/// that ends at an array, gives a list: `list` begins it, and `elements` takes what is in it.
public interface FieldSink {
    void whole(int path, long value);

    void real(int path, double value);

    void real(int path, float value);

    void flag(int path, boolean value);

    /// @param bytes UTF-8, which stays as it is until the next event is read
    void text(int path, byte[] bytes, int from, int length);

    void text(int path, String value);

    /// @param bytes stay as they are until the next event is read
    void bytes(int path, byte[] bytes, int from, int length);

    /// A value that no feature can be made of.
    ///
    /// @param description for messages: `a record`
    void other(int path, String description);

    /// Begins a list, without elements so far.
    void list(int path);

    /// Takes values as elements of their paths' lists.
    FieldSink elements();

    /// Forgets what the path has, as if nothing had been found.
    void clear(int path);

    /// An element of the path's list begins.
    void open(int path);

    /// The element ends: it is null if nothing was found for it.
    void close(int path);

    /// Forgets what was found since `open`.
    void reopen(int path);

    /// Elements in the path's list so far; 0 without a list.
    int size(int path);

    /// Shortens the path's list.
    void truncate(int path, int size);
}
