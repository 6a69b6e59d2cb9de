package io.tidegrad.engine.layer;

import java.util.List;
import java.util.stream.Collectors;

/// The shape of a layer's input or output for one row of a batch (without the batch axis).
public sealed interface Shape {

    /// The row itself, which the first layers (`Numbers`, `Embedding`) read.
    ///
    /// @param numbers floats in the row
    /// @param ids table rows (hashed categories) in the row
    record Row(int numbers, int ids) implements Shape {
        @Override
        public String toString() {
            return "the row itself (" + numbers + " numbers, " + ids + " ids)";
        }
    }

    /// Numbers along one or more axes: (width), (steps, width), (channels, height, width). In memory they are a matrix
    /// of `lines()` lines of `width()` columns, so that a layer that works along the columns treats each line like a
    /// row.
    record Grid(List<Integer> axes, Columns columns) implements Shape {
        public Grid {
            axes = List.copyOf(axes);
            if (axes.isEmpty() || axes.stream().anyMatch(axis -> axis < 1)) {
                throw new IllegalArgumentException("expected axes of at least 1, found " + axes);
            }
        }

        public static Grid vector(int width) {
            return new Grid(List.of(width), Columns.LAST_AXIS);
        }

        public static Grid of(Integer... axes) {
            return new Grid(List.of(axes), Columns.LAST_AXIS);
        }

        /// The same numbers with other columns; a vector has only one choice.
        Grid with(Columns other) {
            return axes.size() == 1 ? this : new Grid(axes, other);
        }

        /// The same lines with `width` columns each.
        Grid withWidth(int width) {
            Integer[] changed = axes.toArray(Integer[]::new);
            changed[columns == Columns.LAST_AXIS ? changed.length - 1 : 0] = width;
            return new Grid(List.of(changed), columns);
        }

        public int size() {
            int size = 1;
            for (int axis = 0; axis < axes.size(); axis++) {
                size = Math.multiplyExact(size, axes.get(axis));
            }
            return size;
        }

        public int width() {
            return columns == Columns.LAST_AXIS ? axes.getLast() : axes.getFirst();
        }

        public int lines() {
            return size() / width();
        }

        /// The address of number `index` in row-major order, if lines are `stride` apart.
        int address(int index, int stride) {
            return switch (columns) {
                case LAST_AXIS -> index / width() * stride + index % width();
                case FIRST_AXIS -> index % lines() * stride + index / lines();
            };
        }

        /// Whether memory is in row-major order without gaps, if lines are `stride` apart.
        boolean isTight(int stride) {
            return stride == width() && (columns == Columns.LAST_AXIS || lines() == 1 || width() == 1);
        }

        @Override
        public String toString() {
            return axes.size() == 1 ? "a vector of " + axes.getFirst()
                    : axes.stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"));
        }
    }

    /// Which axis of a grid the columns are.
    enum Columns {
        /// The axis that dense layers, norms and recurrent layers work along.
        LAST_AXIS,
        /// The channels, for layers that read neighbouring pixels: all channels of a pixel are contiguous, in the lanes
        /// of a vector.
        FIRST_AXIS
    }
}
