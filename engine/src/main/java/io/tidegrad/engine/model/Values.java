package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Slab;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;

/// Copies a tensor's floats from and to a row-major array without padding, independent of their layout in memory.
final class Values {
    private Values() {}

    static float[] read(Plan plan, Slab slab, int tensor, int part) {
        Tensor declared = plan.tensors().get(tensor);
        int columns = declared.columns();
        float[] values = new float[Math.multiplyExact(declared.rows(), columns)];
        if (slab.storage(tensor) instanceof Storage.Touched touched) {
            for (int i = 0; i < touched.count(); i++) {
                System.arraycopy(touched.values(), i * columns, values, touched.row(i) * columns, columns);
            }
            return values;
        }
        Storage.Floats storage = floats(slab, tensor, declared);
        for (int row = 0; row < declared.rows(); row++) {
            for (int column = 0; column < columns; column++) {
                values[row * columns + column] = storage.array(part, row)[storage.index(part, row, column)];
            }
        }
        return values;
    }

    static void write(Plan plan, Slab slab, int tensor, int part, float[] values) {
        Tensor declared = plan.tensors().get(tensor);
        Storage.Floats storage = floats(slab, tensor, declared);
        int columns = declared.columns();
        if (values.length != (long) declared.rows() * columns) {
            throw new IllegalArgumentException(declared.name() + ": expected shape (" + declared.rows() + ", " + columns
                    + "), found " + values.length + " floats");
        }
        for (int row = 0; row < declared.rows(); row++) {
            for (int column = 0; column < columns; column++) {
                storage.array(part, row)[storage.index(part, row, column)] = values[row * columns + column];
            }
        }
    }

    private static Storage.Floats floats(Slab slab, int tensor, Tensor declared) {
        if (slab.storage(tensor) instanceof Storage.Floats storage) {
            return storage;
        }
        throw new IllegalArgumentException(declared.name() + " holds statistics, not weights");
    }
}
