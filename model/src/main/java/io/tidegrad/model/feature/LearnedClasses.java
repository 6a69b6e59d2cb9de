package io.tidegrad.model.feature;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The classes of a model whose spec says `classes: auto`: the first label that is learned is class 0, the next new one
/// class 1, and so on in the order of learning, until the outputs are used up. So they are a function of the log, and
/// belong to the model's state. Finding a known class allocates nothing.
public final class LearnedClasses {
    private final String field;
    private final ClassNames index;
    private final String[] names; // never moved: another thread may read what was there when it was told
    private int size;
    private @Nullable String next; // the name that the row which is being judged would add
    private long refused;

    public LearnedClasses(ModelSpec spec) {
        field = LabelReader.field(spec);
        names = new String[spec.outputs()];
        index = new ClassNames(names.length);
    }

    /// Writes into the row which class its label is. A new one becomes a class only when the row is [#accepted].
    /// Returns why it can't become one, or null.
    public @Nullable Rejection find(Row row) {
        next = null;
        int found = index.of(row.className);
        if (found < 0) {
            String name = row.className.toText();
            if (size == names.length) {
                refused++;
                return new Rejection(Rejection.Reason.NO_ROOM_FOR_CLASS,
                        LabelReader.place(field) + ": expected one of the " + size + " classes "
                                + LabelReader.shown(names()) + ", for which there is room, found '" + name
                                + "'; give a new model more room (label: { classes: { auto: … } }) under a new name");
            }
            next = name;
            found = size;
        }
        row.labels[0] = found;
        return null;
    }

    /// The row whose class was found last is accepted.
    public void accepted() {
        String name = next;
        if (name != null) {
            add(name);
            next = null;
        }
    }

    private void add(String name) {
        index.add(name.getBytes(StandardCharsets.UTF_8));
        names[size++] = name;
    }

    /// Returns the class of a label as an example has it; NaN if there is no label, or it is not known.
    public float label(@Nullable String text) {
        int found = text == null ? -1 : names().indexOf(text);
        return found < 0 ? Float.NaN : found;
    }

    /// Returns the names in the order of the classes, as they are now.
    public List<String> names() {
        return List.of(Arrays.copyOf(names, size));
    }

    /// Returns the name of a class that there is.
    public String name(int of) {
        return names[of];
    }

    public int size() {
        return size;
    }

    /// Returns how many classes there is room for.
    public int room() {
        return names.length;
    }

    /// Returns how many rows were refused because there was no room for their class.
    public long refused() {
        return refused;
    }

    /// Writes the names. That is what a model is; `refused` is only told.
    public void writeNames(BinaryWriter to) {
        to.int32(size);
        names().forEach(to::text);
    }

    public void write(BinaryWriter to) {
        writeNames(to);
        to.int64(refused);
    }

    /// Reads what `write` wrote, into one that has no class.
    public void read(BinaryReader from) {
        for (String name : readNames(from, names.length)) {
            add(name);
        }
        refused = from.int64();
    }

    /// Reads what `writeNames` wrote.
    ///
    /// @param room for how many there may be
    public static List<String> readNames(BinaryReader from, int room) {
        int count = from.count("number of classes", room);
        List<String> names = new ArrayList<>();
        HashSet<String> once = new HashSet<>();
        for (int i = 0; i < count; i++) {
            String name = from.text("name of a class", ModelSpec.Label.NAME_BYTES_MAX);
            if (name.isEmpty() || !once.add(name)) {
                throw from.fail("expected a name for each class and each one once, found '" + name + "'");
            }
            names.add(name);
        }
        return names;
    }
}
