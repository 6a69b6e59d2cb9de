package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import java.util.ArrayList;
import java.util.List;

/// Layers that look at images, of every awkward size, drawn for `RandomNetworks`.
final class RandomImages {
    private final RandomNetworks random;
    private int channels;
    private int height;
    private int width;

    /// @param channels of the image to look at, with its height and width
    RandomImages(RandomNetworks random, int channels, int height, int width) {
        this.random = random;
        this.channels = channels;
        this.height = height;
        this.width = width;
    }

    /// Reads and puts out vectors.
    Layer layers() {
        List<Layer> layers = new ArrayList<>();
        layers.add(new Reshape(channels, height, width));
        for (int count = random.between(1, 3); count > 0; count--) {
            layers.add(random.between(0, 4) == 0 ? alongOneAxis() : layer());
            if (random.between(0, 2) == 0) {
                layers.add(random.activation());
            }
        }
        layers.add(random.between(0, 3) == 0 ? new GlobalAveragePool2d() : new Flatten());
        return new Sequence(layers);
    }

    private Layer layer() {
        if (random.between(0, 1) == 0) {
            Extent padding = new Extent(random.between(0, 2), random.between(0, 2));
            Extent kernel = new Extent(random.between(1, Math.min(4, height + 2 * padding.height())),
                    random.between(1, Math.min(4, width + 2 * padding.width())));
            Extent stride = stride();
            slide(kernel, stride, padding);
            channels = random.between(0, 4) == 0 ? random.between(33, 40) : random.between(1, 20);
            return new Conv2d(channels, kernel, stride, padding, random.between(0, 2) > 0, random.initialization());
        }
        Extent kernel = new Extent(random.between(1, Math.min(3, height)), random.between(1, Math.min(3, width)));
        Extent padding = new Extent(random.between(0, kernel.height() / 2), random.between(0, kernel.width() / 2));
        Extent stride = stride();
        slide(kernel, stride, padding);
        return random.between(0, 1) == 0 ? new MaxPool2d(kernel, stride, padding)
                : new AveragePool2d(kernel, stride, padding);
    }

    /// The image as one line of pixels.
    private Layer alongOneAxis() {
        int steps = height * width;
        int before = channels;
        int padding = random.between(0, 2);
        int kernel = random.between(1, Math.min(5, steps + 2 * padding));
        int stride = random.between(1, 3);
        height = 1;
        width = steps;
        slide(new Extent(1, kernel), new Extent(1, stride), new Extent(0, padding));
        channels = random.between(1, 20);
        return new Sequence(new Reshape(before, steps),
                new Conv1d(channels, kernel, stride, padding, true, random.initialization()),
                new Reshape(channels, height, width));
    }

    private Extent stride() {
        return new Extent(random.between(1, 3), random.between(1, 2));
    }

    private void slide(Extent kernel, Extent stride, Extent padding) {
        height = (height + 2 * padding.height() - kernel.height()) / stride.height() + 1;
        width = (width + 2 * padding.width() - kernel.width()) / stride.width() + 1;
    }
}
