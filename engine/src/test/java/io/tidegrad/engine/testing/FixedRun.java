package io.tidegrad.engine.testing;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.BatchLoss;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.loss.Reduction;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.optim.StreamRms;
import io.tidegrad.engine.random.CounterRandom;
import io.tidegrad.engine.snapshot.ModelHash;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/// Fixed runs of made-up rows through a few networks that together hold every layer, loss and optimizer; their hashes
/// are what the `numerics` number stands for. Run as a program it prints a line for each, twice, so that each kernel
/// width can have a JVM of its own:
///
/// `java -Dtidegrad.kernels=256 io.tidegrad.engine.testing.FixedRun 1 2`
///
/// First all of them cold, with the first number of workers: they save the pages halfway and go on with a model
/// restored from them. By then the kernels are compiled, and what is left is soon: the second time, with the second
/// number of workers, each run warms up before its first row, is inspected now and then, and never stops.
///
/// A new layer, loss or optimizer gets a run of its own, with a line of its own: what is there stays as it is, or it
/// could not say whether older models keep their bits.
public final class FixedRun {
    /// What it prints, for `Numerics.VERSION` 2.
    public static final List<String> HASHES =
            List.of("first a3d03d6815d8d20df2f8172c4e1ea9ce6689da6c3af5bf2b06357b6d5aed8b95",
                    "optimizers 0196173e8a1192409180d97c8cac5c8e135055d978217c445ac01237fe46cd1f",
                    "shapes 6c4cd607d47388d22a4e6a447950bfce44c3bdaf62b6e293a3376e130160ed10",
                    "optimizers-2 9524bee164eff7ad36d8fe00b47812efaf673472d9b5da7139d2000c81a86cdc",
                    "images 32f05b862da49364fcd99ed01751badfebacec1dde60b67099b42ab4dc25e466",
                    "recurrent 77c330f4a967808ea64a23fd6dfc2765e577d6a11dc84636877af88f63eedff8",
                    "losses 98dd71bef0edd0c87bd5e6717f454268e1a10ed1486ddc09a9cefd9e1d4fe073",
                    "norms dae6844cb6b4c5c43a87a1f18190e070e92dfbcdc48ee088573df1e3fd3ac0c8",
                    "attention 959a59ff952b907531a42f03e7a57d0ed2ad36b71a0b9686dfd22b26fb29366d",
                    "activations bc87ff6467dd0798a8ad493c867e94065c712b076c6865b08a871f863a4043dc",
                    "tables 5472e3c44e5ee89b3afd59343a8cfd344e91e9929ba96c7207d2f4504e3e5fd7",
                    "late-labels f5344f6e2faa0a758e58f562636bd32c601b551808460cc4cb6bd7b25b16cf01",
                    "mixtures ba132730dcde3eac8f7b71a363daede982804e2738d4426bd35bebba646d2427",
                    "histories 191c27cade51646694d0c9f509d548d05f950369090b3cb8eb04897aafe06b70",
                    "quantiles 3dbaced4d11cbd3a85fb49328541846008a139ce5a2d2fec51ae2da642f2d747",
                    "vocabularies f4e5aa945e27c602c69ac50bb10d20350437a80ff96126ac8b68e5c64b97521d",
                    "restarts 58a4c3fd3bb4a1ddab38c97127af62c6b1ea37efaffbab821b24a73cae3fe2d0",
                    "lags 08191fa4637fe63adee4fdcb35575eed2350b14a87c48eaec51980d4be571f37",
                    "scales 8294227a969aee0c6943e04ad7346ee815fba5a65896b768a2afc2761dff7831",
                    "crosses dceced0eefb332818c4103cddae2c5fa43e59814b46b3f3a6535ad3105a86dc1",
                    "rich 8943c694561e3ef5df51fca91919d0d8f7d02956df957556eaebd86d94f069e4",
                    "narrow 6be9b5f289441b330c93575903b6980a5d1fa59cc0d6d21cf9b5dbd3986084e0");

    /// With which the launcher starts every JVM: without them C2 first compiles the kernels' loops from inside a
    /// long-running one, which it throws away, and a run takes a seventh more processor time.
    public static final List<String> COMPILER =
            List.of("-XX:Tier4BackEdgeThreshold=200000", "-XX:Tier4MinInvocationThreshold=100");

    private static final int ROWS = 10_000;
    private static final int NUMBERS = 5;
    private static final int IDS = 3;
    private static final int TABLE_ROWS = 300;
    private static final int CLASSES = 11;
    private static final long SEED = 20_261_124;

    /// Of each network, whose kernels the cold runs had compiled: for the little that is new, loops around other
    /// shapes.
    private static final long WARM_UP_NANOS = 50_000_000;

    private static final int STEPS_BETWEEN_INSPECTIONS = 100;

    /// Rows, in `restarts`.
    private static final int LABELS_TURN_EVERY = 1_500;

    private FixedRun() {}

    public static void main(String[] args) throws NoSuchAlgorithmException {
        System.out.println(Kernels.active().name());
        printHashes(false, Integer.parseInt(args[0]));
        printHashes(true, Integer.parseInt(args[1]));
    }

    private static void printHashes(boolean hot, int workerCount) throws NoSuchAlgorithmException {
        try (Workers workers = EagerWorkers.of(workerCount)) {
            System.out.println("first " + first(hot, workers));
            System.out.println("optimizers " + optimizers(hot, workers));
            System.out.println("shapes " + shapes(hot, workers));
            System.out.println("optimizers-2 " + optimizers2(hot, workers));
            System.out.println("images " + images(hot, workers));
            System.out.println("recurrent " + recurrent(hot, workers));
            System.out.println("losses " + losses(hot, workers));
            System.out.println("norms " + norms(hot, workers));
            System.out.println("attention " + attention(hot, workers));
            System.out.println("activations " + activations(hot, workers));
            System.out.println("tables " + tables(hot, workers));
            System.out.println("late-labels " + lateLabels(hot, workers));
            System.out.println("mixtures " + mixtures(hot, workers));
            System.out.println("histories " + histories(hot, workers));
            System.out.println("quantiles " + quantiles(hot, workers));
            System.out.println("vocabularies " + vocabularies(hot, workers));
            System.out.println("restarts " + restarts(hot, workers));
            System.out.println("lags " + lags(hot, workers));
            System.out.println("scales " + scales(hot, workers));
            System.out.println("crosses " + crosses(hot, workers));
            System.out.println("rich " + rich(hot, workers));
            System.out.println("narrow " + narrow(hot, workers));
        }
    }

    /// 10,000 rows through everything that the first release had.
    private static String first(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        Loss binary = new BinaryCrossEntropy();
        // Sizes on both sides of a panel, a batch of one and batches with an odd rest.
        all.update(run(hot, workers, clicks(binary, Adam.of(0.01)), 1, 4_000));
        all.update(run(hot, workers, clicks(binary, Adam.of(0.01)), 7, 3_000));
        all.update(run(hot, workers, classes(new CategoricalCrossEntropy(false), new Sgd(0.05), 1), 1, 1_000));
        all.update(run(hot, workers, classes(new CategoricalCrossEntropy(true), Adam.of(0.003), 11), 13, 1_000));
        all.update(run(hot, workers, classes(new MeanSquaredError(), Adam.of(0.003), 11), 2, 1_000));
        return HexFormat.of().formatHex(all.digest());
    }

    /// The other optimizers, clipping and regularization.
    private static String optimizers(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        Loss binary = new BinaryCrossEntropy();
        Loss categorical = new CategoricalCrossEntropy(false);
        Clipping none = new Clipping.None();
        Clipping norm = new Clipping.GlobalNorm(0.3);
        Regularization elastic = new Regularization(1e-3, 1e-2, Regularization.Scope.ALL);
        Regularization l2 = new Regularization(0, 1e-2, Regularization.Scope.WEIGHTS);
        for (int size : new int[]{1, 7}) {
            NetworkSpec momentum = classes(categorical, new Sgd(0.02, 0.9, false), 1);
            NetworkSpec nesterov = clicks(binary, new Sgd(0.01, 0.8, true));
            NetworkSpec adagrad = clicks(binary, new Adagrad(0.05, 1e-8, 0.1));
            NetworkSpec adam = classes(categorical, Adam.of(0.003), 1);
            all.update(run(hot, workers, RandomNetworks.with(momentum, none, elastic), size, 600));
            all.update(run(hot, workers, RandomNetworks.with(nesterov, none, l2), size, 600));
            all.update(run(hot, workers, RandomNetworks.with(adagrad, norm, elastic), size, 600));
            all.update(run(hot, workers, RandomNetworks.with(adam, new Clipping.Value(0.01), l2), size, 600));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    /// Several axes, columns along either.
    private static String shapes(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        Layer network =
                new Sequence(new Numbers(0, NUMBERS), new Dense(51), new Reshape(3, 17),
                        new Concat(new Identity(), new Sequence(new Transpose(), new Dense(3), new Transpose()),
                                new Sequence(new Transpose(), new Relu(), new Transpose())),
                        new Flatten(), new Dense(11));
        return ofShapes(hot, workers, network);
    }

    /// Norms along lines and along channels, and dropout, over several axes and over one.
    private static String norms(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        return ofShapes(hot, workers,
                new Sequence(new Numbers(0, NUMBERS), new Dense(3 * 37), new Reshape(3, 37), new LayerNorm(),
                        new BatchNorm(), new Dropout(0.2),
                        new Residual(new Sequence(new RmsNorm(), new Dense(37), new Dropout(0.1))), new Flatten(),
                        new Dense(21), new BatchNorm(1e-3, 0.03), new Dense(11)));
    }

    /// Heads narrower and wider than a vector, more steps than a block of them.
    private static String attention(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        return ofShapes(hot, workers,
                new Sequence(new Numbers(0, NUMBERS), new Dense(19 * 12), new Reshape(19, 12),
                        new Residual(new SelfAttention(3, true)), new Dense(34), new SelfAttention(2, false),
                        new Flatten(), new Dense(11)));
    }

    private static String ofShapes(boolean hot, Workers workers, Layer network) throws NoSuchAlgorithmException {
        NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, new CategoricalCrossEntropy(false),
                Adam.of(0.003), SEED);
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        all.update(run(hot, workers, spec, 1, 500));
        all.update(run(hot, workers, spec, 7, 500));
        return HexFormat.of().formatHex(all.digest());
    }

    /// The activations that the first release did not have.
    private static String activations(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        Layer network = new Sequence(new Numbers(0, NUMBERS), new Dense(33), new LeakyRelu(0.01), new Dense(33),
                new Elu(0.7), new Dense(20), new Gelu(Gelu.Form.ERF), new Dense(17), new Gelu(Gelu.Form.TANH),
                new Dense(16), new Silu(), new Dense(19), new Softplus(), new Dense(11));
        NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, new CategoricalCrossEntropy(false),
                Adam.of(0.003), SEED);
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        all.update(run(hot, workers, spec, 1, 500));
        all.update(run(hot, workers, spec, 7, 500));
        return HexFormat.of().formatHex(all.digest());
    }

    /// Bags, padding, a bias by itself; rows of one number, of a few and of more than a vector.
    private static String tables(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        int ids = 6;
        Embedding.Update touched = Embedding.Update.TOUCHED;
        Embedding.Update dense = Embedding.Update.DENSE;
        EmbeddingBag.Mode sum = EmbeddingBag.Mode.SUM;
        Layer network = new Sequence(
                new Concat(new Sequence(new EmbeddingBag(0, ids, ids, -1, TABLE_ROWS, 1, sum, touched), new Bias()),
                        new EmbeddingBag(1, 5, -1, 0, TABLE_ROWS, 5, sum, touched),
                        new EmbeddingBag(2, 3, -1, 1, TABLE_ROWS, 2, sum, dense),
                        new EmbeddingBag(0, ids, ids, -1, TABLE_ROWS, 17, EmbeddingBag.Mode.MEAN, touched),
                        new Embedding(1, 2, TABLE_ROWS, 3, touched, 7), new Embedding(0, 1, TABLE_ROWS, 2, dense, 0)),
                new Dense(11));
        NetworkSpec adam = new NetworkSpec(new RowShape(NUMBERS, ids + 1, 1), network,
                new CategoricalCrossEntropy(false), Adam.of(0.003), SEED);
        NetworkSpec adagrad = new NetworkSpec(adam.row(), network, adam.loss(), new Adagrad(0.05, 1e-8, 0.1), SEED);
        NetworkSpec clipped = RandomNetworks.with(adam, new Clipping.GlobalNorm(0.3),
                new Regularization(1e-3, 1e-2, Regularization.Scope.ALL));
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        for (int size : new int[]{1, 7}) {
            all.update(run(hot, workers, adam, size, 500));
            all.update(run(hot, workers, adagrad, size, 500));
            all.update(run(hot, workers, clipped, size, 500));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    /// RMSprop, AMSGrad, AdamW and FTRL-Proximal, each schedule, layers at their own rate and frozen ones.
    private static String optimizers2(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        Loss binary = new BinaryCrossEntropy();
        Loss categorical = new CategoricalCrossEntropy(false);
        Clipping norm = new Clipping.GlobalNorm(0.3);
        Regularization elastic = new Regularization(1e-3, 1e-2, Regularization.Scope.ALL);
        Adam amsgrad = new Adam(0.003, 0.9, 0.99, 1e-8, true);
        NetworkSpec[] specs =
                {scheduled(classes(categorical, new RmsProp(0.002, 0.95, 1e-4, false, 0), 1), new Schedule.Constant()),
                    scheduled(clicks(binary, new RmsProp(0.002, 0.95, 1e-4, false, 0.8)), new Schedule.Step(100, 0.7)),
                    scheduled(clicks(binary, new RmsProp(0.002, 0.95, 1e-2, true, 0)),
                            new Schedule.WarmupCosine(50, 500, 1e-4)),
                    scheduled(classes(categorical, new RmsProp(0.002, 0.95, 1e-2, true, 0.8), 1),
                            new Schedule.OneCycle(300, 0.3, 25, 1e4)),
                    scheduled(clicks(binary, amsgrad), new Schedule.InverseSqrt(40)),
                    scheduled(classes(categorical, new AdamW(Adam.of(0.003), 0.1), 1),
                            new Schedule.WarmRestarts(30, 2, 1e-5)),
                    scheduled(clicks(binary, new AdamW(amsgrad, 0.05)), new Schedule.LinearWarmup(0.1, 80)),
                    clicks(binary, new FtrlProximal(0.1, 1, 0.01, 0.1)),
                    scheduled(clicks(binary, new Adagrad(0.05, 1e-8, 0.1)), new Schedule.Exponential(0.997)),
                    scheduled(rated(categorical, new AdamW(Adam.of(0.01), 0.1)), new Schedule.Cosine(200, 0)),
                    rated(categorical, new FtrlProximal(0.1, 1, 0, 0.1)),};
        for (NetworkSpec spec : specs) {
            all.update(run(hot, workers, spec, 1, 400));
            all.update(run(hot, workers, RandomNetworks.with(spec, norm, elastic), 7, 400));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    /// Every cell and output: encoders that start decoders, both ways, units on both sides of a vector and of a panel.
    private static String recurrent(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        for (Recurrent.Cell cell : Recurrent.Cell.values()) {
            Layer encoder = new Sequence(new Numbers(0, NUMBERS), new Dense(12), new Reshape(4, 3),
                    new Recurrent(cell, 17, Recurrent.Output.STATE));
            Layer network = new Sequence(new Embedding(0, 3, TABLE_ROWS, 5, Embedding.Update.TOUCHED),
                    new Reshape(3, 5),
                    new Recurrent(cell, 17, false, Recurrent.Output.SEQUENCE, Recurrent.WHOLE, List.of(encoder)),
                    new Recurrent(cell, 33, true, Recurrent.Output.LAST, Recurrent.WHOLE, List.of()), new Dense(11));
            NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network,
                    new CategoricalCrossEntropy(false), Adam.of(0.003), SEED);
            all.update(run(hot, workers, spec, 1, 300));
            all.update(run(hot, workers, spec, 7, 600));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    private static NetworkSpec scheduled(NetworkSpec spec, Schedule schedule) {
        return RandomNetworks.with(spec, schedule);
    }

    /// Layers at a rate of their own, where there can be one, and frozen ones.
    private static NetworkSpec rated(Loss loss, Optimizer optimizer) {
        double factor = optimizer.hasFixedRate() ? 1 : 0.2;
        Layer network = new Sequence(
                new Concat(new Sequence(new Numbers(0, NUMBERS), new Standardise()),
                        new Rate(factor, new Embedding(0, 1, TABLE_ROWS, 4, Embedding.Update.TOUCHED)),
                        Rate.frozen(new Embedding(1, 2, TABLE_ROWS, 3, Embedding.Update.DENSE))),
                new Dense(65), new Relu(), Rate.frozen(new Dense(33)), new Tanh(), new Rate(factor, new Dense(11)));
        return new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, loss, optimizer, SEED);
    }

    /// Convolutions and poolings: windows that overlap, hang over the edge or leave pixels out.
    private static String images(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        Extent one = Extent.of(1);
        Extent two = Extent.of(2);
        Extent three = Extent.of(3);
        Layer network = new Sequence(new Numbers(0, NUMBERS), new Dense(3 * 9 * 8), new Reshape(3, 9, 8),
                new Conv2d(9, three), new Relu(), new MaxPool2d(three, two, one),
                new Concat(
                        new Sequence(
                                new Conv2d(40, new Extent(2, 3), new Extent(2, 1), one, false,
                                        Initialization.XAVIER_NORMAL),
                                new Relu(), new AveragePool2d(two, one, new Extent(0, 1)), new Flatten()),
                        new Sequence(new Conv2d(17, one, two, one, true, Initialization.HE_NORMAL),
                                new GlobalAveragePool2d()),
                        new Sequence(new Reshape(9, 12), new Conv1d(5, 4, 3, 2, true, Initialization.HE_UNIFORM),
                                new Flatten())),
                new Dense(11));
        NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, new CategoricalCrossEntropy(false),
                Adam.of(0.003), SEED);
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        all.update(run(hot, workers, spec, 1, 300));
        all.update(run(hot, workers, spec, 7, 300));
        return HexFormat.of().formatHex(all.digest());
    }

    /// The other losses, with their options and reductions; rows of several lines, without a network.
    private static String losses(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        List<Double> weights = IntStream.range(0, CLASSES).mapToObj(k -> 0.5 + k / (double) CLASSES).toList();
        List<Double> quantiles = IntStream.range(0, CLASSES).mapToObj(k -> (k + 0.5) / CLASSES).toList();
        List<Loss> losses = List.of(new BinaryCrossEntropy(weights), new MeanAbsoluteError(), new Huber(0.4),
                new Hinge(), new Poisson(), new Poisson(false, 1e-3), new Quantile(quantiles),
                new CategoricalCrossEntropy(false, true, 0.1, weights, 3),
                new CategoricalCrossEntropy(true, true, 0.1, List.of(), null),
                new CategoricalCrossEntropy(false, false, 0, List.of(), null), new Ctc(0, 2, true, true));
        for (int i = 0; i < losses.size(); i++) {
            Loss loss = losses.get(i);
            NetworkSpec plain = classes(loss, Adam.of(0.003), loss.labels(1, CLASSES));
            // Probabilities and rates come from a softmax; before a loss of logits it is fused.
            Layer network =
                    RandomLosses.readsPositives(loss) ? new Sequence(plain.network(), new Softmax()) : plain.network();
            NetworkSpec spec = new NetworkSpec(plain.row(), network, loss,
                    Reduction.values()[i % Reduction.values().length], plain.optimizer(), plain.schedule(),
                    plain.clipping(), plain.regularization(), plain.seed());
            all.update(run(hot, workers, spec, 7, 400));
            all.update(gradient(loss));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    /// First rows and corrections of binary labels.
    private static String lateLabels(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        NetworkSpec spec = clicks(new FakeNegativeWeighted(), Adam.of(0.003));
        all.update(run(hot, workers, spec, 1, 400));
        all.update(run(hot, workers, spec, 7, 400));
        return HexFormat.of().formatHex(all.digest());
    }

    /// Mixtures of each kind: linear members and such with a hidden layer, tables of their own, optimizers of their own.
    private static String mixtures(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        Loss categorical = new CategoricalCrossEntropy(false);
        NetworkSpec[] specs = {mixture(new BinaryCrossEntropy(), Mixture.Target.YES_NO, 1, 1),
            mixture(categorical, Mixture.Target.CLASSES, CLASSES, Mixture.NONE),
            mixture(new MeanSquaredError(), Mixture.Target.NUMBER, 1, Mixture.NONE)};
        for (NetworkSpec spec : specs) {
            all.update(run(hot, workers, spec, 1, 1_000));
            all.update(run(hot, workers, RandomNetworks.with(spec, new Clipping.GlobalNorm(0.3),
                    new Regularization(1e-3, 1e-2, Regularization.Scope.ALL)), 7, 700));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    private static NetworkSpec mixture(Loss loss, Mixture.Target target, int outputs, int restarted) {
        Embedding.Update touched = Embedding.Update.TOUCHED;
        Layer hidden = new Sequence(
                new Concat(new Identity(), new FromRow(new Embedding(0, IDS, TABLE_ROWS, 4, touched)),
                        new FromRow(new EmbeddingBag(0, IDS, EmbeddingBag.ALL, EmbeddingBag.UNWEIGHTED, TABLE_ROWS, 5,
                                EmbeddingBag.Mode.ROOT, touched))),
                new InputBound(8, new Dense(33, true, Initialization.HE_NORMAL)), new Relu(),
                new InputBound(4, new Dense(outputs, false, Initialization.SMALL_NORMAL)), new Bias());
        Layer network = new Sequence(new Numbers(0, NUMBERS),
                new RunningScale(List.of(RunningScale.NEVER_MISSING, RunningScale.NEVER_MISSING, 3)),
                new Mixture(
                        List.of(new OwnOptimizer(StreamRms.of(0.02, 0.01, 0.003), hidden),
                                new OwnOptimizer(StreamRms.of(0.02, 1e-3, 0.003), hidden), linear(outputs, 2)),
                        target, restarted));
        return new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, loss, StreamRms.of(0.01, 3e-4, 0), SEED);
    }

    private static Layer linear(int outputs, double bound) {
        Layer table = new Embedding(0, 1, TABLE_ROWS, outputs, Embedding.Update.TOUCHED, Embedding.NO_PADDING, 0);
        return new Sequence(
                new InputBound(bound, new Sum(new Dense(outputs, false, Initialization.ZERO), new FromRow(table))),
                new Bias());
    }

    /// All that a history makes of a key, beside less of the same key; rows of which two in five know their key.
    private static String histories(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        int never = RunningScale.NEVER_MISSING;
        Layer network = new Sequence(
                new Concat(
                        new Sequence(new History(IDS - 1, 0, 0, TABLE_ROWS, List.of(History.Value.values())),
                                new RunningScale(List.of(4, 4, never, 4))),
                        new Sequence(new History(IDS - 1, History.NONE, History.NONE, 7 * TABLE_ROWS,
                                List.of(History.Value.COUNT)), new RunningScale(List.of(never))),
                        new Embedding(IDS - 1, 1, TABLE_ROWS, 4, Embedding.Update.TOUCHED)),
                new Dense(9), new Relu(), new Dense(1));
        return ofKeys(hot, workers, network, 2_000, Adam.of(0.01));
    }

    /// As `histories`, of keys whose last numbers are remembered, too.
    private static String lags(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        List<History.Value> values = List.of(History.Value.DIFFERENCE, History.Value.SINCE_LAST, History.Value.LAG);
        Layer network = new Sequence(
                new Concat(
                        new Sequence(new History(IDS - 1, 0, 0, TABLE_ROWS, values, 3),
                                new RunningScale(List.of(7, 8, 9, 7, 7, 8, 9))),
                        new History(IDS - 1, 1, History.NONE, 2 * TABLE_ROWS, List.of(History.Value.LAG), 2),
                        new Embedding(IDS - 1, 1, TABLE_ROWS, 4, Embedding.Update.TOUCHED)),
                new Dense(9), new Relu(), new Dense(1));
        return ofKeys(hot, workers, network, 2_000, Adam.of(0.01));
    }

    /// More rows than are remembered; of a table that touched rows change, of one that changes as a whole, and of one that does
    /// not change. Some rows lack their numbers.
    private static String quantiles(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        Layer network = new Sequence(
                new Concat(new Quantiles(0, IDS, 16, 4, Embedding.Update.TOUCHED),
                        new Quantiles(1, IDS, 5, 3, Embedding.Update.DENSE),
                        Rate.frozen(new Quantiles(2, IDS, 2, 1, Embedding.Update.TOUCHED))),
                new Dense(9), new Relu(), new Dense(1));
        return ofKeys(hot, workers, network, 40_000, Adam.of(0.01));
    }

    /// Of 300 values some get a row, and lose it again; of a table that touched rows change, of one that changes as a whole, and
    /// of one that has an optimizer whose state depends on the weights.
    private static String vocabularies(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        Layer network = new Sequence(
                new Concat(new Vocabulary(IDS - 1, 40, 60, 2, 300, 4, Embedding.Update.TOUCHED),
                        new Vocabulary(IDS - 1, 9, 200, 3, 5_000, 3, Embedding.Update.DENSE), new Numbers(0, 2)),
                new Dense(9), new Relu(), new Dense(1));
        return ofKeys(hot, workers, network, 4_000, Adam.of(0.01), new FtrlProximal(0.1, 1, 0.001, 0.01));
    }

    /// Rows one by one, and then 2,000 in mini-batches with clipping, by each of the optimizers.
    private static String ofKeys(boolean hot, Workers workers, Layer network, int alone, Optimizer... optimizers)
            throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        for (Optimizer optimizer : optimizers) {
            NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS + 1, 1), network, new BinaryCrossEntropy(),
                    optimizer, SEED);
            all.update(run(hot, workers, spec, 1, alone));
            all.update(run(hot, workers, RandomNetworks.with(spec, new Clipping.GlobalNorm(0.3), Regularization.NONE),
                    7, 2_000));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    /// Mixtures of each kind that can restart a member, which happens before and after half of the rows: labels turn round from
    /// row 1,500 on, and back 1,500 rows later. Members have a vocabulary and quantiles of their own.
    private static String restarts(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        for (Mixture.Target target : List.of(Mixture.Target.YES_NO, Mixture.Target.CLASSES)) {
            boolean yesNo = target == Mixture.Target.YES_NO;
            int outputs = yesNo ? 1 : CLASSES;
            Layer network = new Sequence(new Numbers(0, NUMBERS),
                    new Mixture(List.of(ofValues(outputs, 33),
                            new OwnOptimizer(StreamRms.of(0.02, 0.01, 0.003), ofValues(outputs, 20)),
                            ofValues(outputs, 17)), target, 2));
            NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS + 1, 1), network,
                    yesNo ? new BinaryCrossEntropy() : new CategoricalCrossEntropy(false),
                    StreamRms.of(0.02, 1e-3, 0.003), SEED);
            all.update(run(hot, workers, spec, 1, 5_000, LABELS_TURN_EVERY));
            all.update(run(hot, workers, spec, 7, 5_000, LABELS_TURN_EVERY));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    /// Scales whose options are not a recipe's, of numbers and inside of a network, with flags, and with tails that dropout makes
    /// heavy; layers whose inputs bound their steps, by other optimizers than a recipe's.
    private static String scales(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        int never = RunningScale.NEVER_MISSING;
        Layer network = new Sequence(new Concat(new Sequence(new Numbers(0, NUMBERS), new Standardise(1.5)),
                new Sequence(new Numbers(0, 3), new Relu(), new RunningScale(List.of(2, never), 0.01, 1.25, true)),
                new Sequence(new Numbers(3, 2), new Dropout(0.9),
                        new RunningScale(List.of(never, never), 0, 30, false)),
                new Embedding(0, 1, TABLE_ROWS, 4, Embedding.Update.TOUCHED)), new InputBound(8, new Dense(33)),
                new Relu(), new Dropout(0.8), new RunningScale(Collections.nCopies(33, never), 0.005, 2, true),
                new InputBound(4, new Dense(1)));
        for (Optimizer optimizer : List.of(Adam.of(0.003), new Sgd(0.02, 0.9, true), new Adagrad(0.05, 1e-8, 0.1))) {
            NetworkSpec spec =
                    new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, new BinaryCrossEntropy(), optimizer, SEED);
            all.update(run(hot, workers, spec, 1, 1_000));
            all.update(run(hot, workers, RandomNetworks.with(spec, new Clipping.GlobalNorm(0.3), Regularization.NONE),
                    7, 2_000));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    /// Crosses of what is learned behind and before the layers that learn it, with tables of each kind; then those of a mixture,
    /// whose members read what they have learned themselves.
    private static String crosses(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        LearnedCross.Part amount = new LearnedCross.Part.Bucket(0, IDS, 0);
        LearnedCross.Part speed = new LearnedCross.Part.Bucket(1, IDS, 1);
        LearnedCross.Part value = new LearnedCross.Part.Value(IDS - 1, IDS - 1);
        Embedding.Update touched = Embedding.Update.TOUCHED;
        Layer tables = new Concat(new LearnedCross(0, List.of(amount, value), TABLE_ROWS, 4, touched),
                new Quantiles(0, IDS, 16, 4, touched), new Quantiles(1, IDS, 5, 3, touched),
                new Vocabulary(IDS - 1, 40, 60, 2, 300, 4, touched),
                new LearnedCross(1, List.of(amount, speed), 50, 3, Embedding.Update.DENSE),
                Rate.frozen(new LearnedCross(0, List.of(value), 20, 2, touched)));
        NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS + 1, 1),
                new Sequence(tables, new Dense(9), new Relu(), new Dense(1)), new BinaryCrossEntropy(), Adam.of(0.01),
                SEED);
        all.update(run(hot, workers, spec, 1, 4_000));
        all.update(run(hot, workers, RandomNetworks.with(spec, new Clipping.GlobalNorm(0.3), Regularization.NONE), 7,
                2_000));
        List<Layer> members = List.of(crossed(33), crossed(17));
        NetworkSpec mixed = new NetworkSpec(spec.row(),
                new Sequence(new Numbers(0, NUMBERS), new Mixture(members, Mixture.Target.YES_NO, Mixture.NONE)),
                new BinaryCrossEntropy(), StreamRms.of(0.02, 1e-3, 0.003), SEED);
        all.update(run(hot, workers, mixed, 1, 3_000));
        all.update(run(hot, workers, mixed, 7, 3_000));
        return HexFormat.of().formatHex(all.digest());
    }

    /// The network of `recipe: rich`, of labels of each kind: a mixture of all five members, of which the last reads of every
    /// number also in which bucket it lies; where labels turn round, the member before it starts again.
    private static String rich(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        for (Mixture.Target target : Mixture.Target.values()) {
            boolean classes = target == Mixture.Target.CLASSES;
            boolean numbers = target == Mixture.Target.NUMBER;
            int outputs = classes ? CLASSES : 1;
            Layer steady = new OwnOptimizer(StreamRms.of(0.02, 0.001, 0.003), member(outputs, false));
            Layer quick = new OwnOptimizer(StreamRms.of(0.02, 0.01, 0.003), member(outputs, false));
            Layer linear = new OwnOptimizer(StreamRms.of(0.01, 0.0003, 0), linear(outputs, 8));
            Layer binned = new OwnOptimizer(StreamRms.of(0.02, 0.001, 0.003), member(outputs, true));
            List<Layer> members =
                    numbers ? List.of(steady, quick, linear, binned) : List.of(steady, quick, linear, steady, binned);
            Layer network = new Sequence(new Numbers(0, NUMBERS),
                    new RunningScale(Collections.nCopies(NUMBERS, RunningScale.NEVER_MISSING)),
                    new Mixture(members, target, numbers ? Mixture.NONE : 3));
            Loss loss = classes ? new CategoricalCrossEntropy(false)
                    : numbers ? new MeanSquaredError() : new BinaryCrossEntropy();
            NetworkSpec spec = new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, loss,
                    StreamRms.of(0.02, 0.001, 0.003), SEED);
            int turnEvery = numbers ? 0 : LABELS_TURN_EVERY;
            all.update(run(hot, workers, spec, 1, 4_000, turnEvery));
            all.update(run(hot, workers, spec, 7, 4_000, turnEvery));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    private static Layer member(int outputs, boolean binned) {
        Embedding.Update touched = Embedding.Update.TOUCHED;
        List<Layer> parts =
                new ArrayList<>(List.of(new Identity(), new FromRow(new Embedding(0, IDS, TABLE_ROWS, 8, touched))));
        for (int i = 0; binned && i < NUMBERS; i++) {
            parts.add(new FromRow(new Quantiles(i, Quantiles.NEVER_MISSING, 16, 8, touched)));
        }
        return new Sequence(new Concat(parts), new InputBound(8, new Dense(64, true, Initialization.HE_NORMAL)),
                new Relu(), new InputBound(16, new Dense(outputs, false, Initialization.SMALL_NORMAL)), new Bias());
    }

    private static Layer crossed(int hidden) {
        LearnedCross cross = new LearnedCross(0,
                List.of(new LearnedCross.Part.Bucket(0, IDS, 0), new LearnedCross.Part.Value(IDS - 1, IDS - 1)),
                TABLE_ROWS, 4, Embedding.Update.TOUCHED);
        return new Sequence(new Concat(new FromRow(cross), ofValues(1, hidden)), new Dense(1));
    }

    private static Layer ofValues(int outputs, int hidden) {
        Embedding.Update touched = Embedding.Update.TOUCHED;
        return new Sequence(
                new Concat(new Identity(), new FromRow(new Vocabulary(IDS - 1, 40, 60, 2, 300, 4, touched)),
                        new FromRow(new Quantiles(0, IDS, 16, 4, touched)),
                        new FromRow(new Embedding(0, 1, TABLE_ROWS, 4, touched))),
                new InputBound(8, new Dense(hidden, true, Initialization.HE_NORMAL)), new Relu(),
                new Dense(outputs, false, Initialization.SMALL_NORMAL), new Bias());
    }

    /// Rows of six lines: loss and gradient.
    private static byte[] gradient(Loss loss) throws NoSuchAlgorithmException {
        int rows = 50;
        int lines = 6;
        BatchLoss batchLoss = new BatchLoss(loss, Reduction.MEAN, rows, lines, CLASSES);
        float[] y = new float[rows * lines * CLASSES];
        for (int i = 0; i < y.length; i++) {
            y[i] = RandomLosses.readsPositives(loss) ? 0.1f + CounterRandom.uniform(SEED, 200, 1, i)
                    : CounterRandom.normal(SEED, 200, 1, i);
        }
        int labelsOfRow = loss.labels(lines, CLASSES);
        float[] labels = new float[rows * labelsOfRow];
        RandomLosses random = new RandomLosses(new Random(SEED));
        for (int row = 0; row < rows; row++) {
            random.labels(loss, lines, CLASSES, labels, row * labelsOfRow);
        }
        float[] sampleWeights = new float[rows];
        Arrays.fill(sampleWeights, 0.7f);
        batchLoss.compare(Kernels.active(), rows, y, 0, CLASSES, labels);
        batchLoss.reduce(rows, sampleWeights);
        float[] dy = new float[y.length];
        batchLoss.gradient(rows, labels, sampleWeights, dy, 0, CLASSES);
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * (dy.length + 1));
        bytes.putFloat(batchLoss.scale());
        for (float gradient : dy) {
            bytes.putFloat(gradient);
        }
        return MessageDigest.getInstance("SHA-256").digest(bytes.array());
    }

    /// Layers of few outputs and many inputs, which sum in lanes, also under clipping and in batches of every size.
    private static String narrow(boolean hot, Workers workers) throws NoSuchAlgorithmException {
        Layer network = new Sequence(new Numbers(0, NUMBERS), new Dense(100), new Relu(),
                new Concat(new Dense(10), new Dense(16), new Dense(32), new Dense(17), new Dense(1)), new Tanh(),
                new Dense(11));
        NetworkSpec adam = new NetworkSpec(new RowShape(NUMBERS, IDS, 1), network, new CategoricalCrossEntropy(false),
                Adam.of(0.003), SEED);
        NetworkSpec clipped = RandomNetworks.with(adam, new Clipping.GlobalNorm(0.3),
                new Regularization(1e-3, 1e-2, Regularization.Scope.ALL));
        NetworkSpec momentum = new NetworkSpec(adam.row(), network, adam.loss(), new Sgd(0.02, 0.9, false), SEED);
        MessageDigest all = MessageDigest.getInstance("SHA-256");
        for (int size : new int[]{1, 3, 7, 40}) {
            all.update(run(hot, workers, adam, size, 400));
            all.update(run(hot, workers, clipped, size, 400));
            all.update(run(hot, workers, momentum, size, 400));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    private static NetworkSpec clicks(Loss loss, Optimizer optimizer) {
        Layer network = new Sequence(
                new Concat(new Sequence(new Numbers(0, NUMBERS), new Standardise()),
                        new Embedding(0, 1, TABLE_ROWS, 4, Embedding.Update.TOUCHED),
                        new Embedding(1, 2, TABLE_ROWS, 3, Embedding.Update.DENSE)),
                new Dense(65), new Relu(), new Dense(1));
        return new NetworkSpec(new RowShape(NUMBERS, IDS, loss.labels(1, 1)), network, loss, optimizer, SEED);
    }

    private static NetworkSpec classes(Loss loss, Optimizer optimizer, int labels) {
        Layer network = new Sequence(new Concat(
                new Sequence(new Numbers(0, NUMBERS), new Dense(33, true, Initialization.XAVIER_NORMAL), new Tanh()),
                new Sequence(new Embedding(0, 3, TABLE_ROWS, 5, Embedding.Update.TOUCHED),
                        new Dense(17, false, Initialization.HE_NORMAL), new Sigmoid())),
                new Dense(20, true, Initialization.XAVIER_UNIFORM), new Softmax(), new Standardise(),
                new Dense(CLASSES));
        return new NetworkSpec(new RowShape(NUMBERS, IDS, labels), network, loss, optimizer, SEED);
    }

    /// The hash of everything learned, and of everything predicted on the way.
    private static byte[] run(boolean hot, Workers workers, NetworkSpec spec, int batchSize, int rows)
            throws NoSuchAlgorithmException {
        return run(hot, workers, spec, batchSize, rows, 0);
    }

    /// @param turnEvery rows after which labels turn round; 0 for never
    private static byte[] run(boolean hot, Workers workers, NetworkSpec spec, int batchSize, int rows, int turnEvery)
            throws NoSuchAlgorithmException {
        Kernels kernels = Kernels.active();
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, kernels, batchSize, workers);
        Predictor predictor = new Predictor(parameters.plan(), kernels, batchSize);
        if (hot) {
            learner.warmUp(WARM_UP_NANOS);
        }
        MessageDigest predicted = MessageDigest.getInstance("SHA-256");
        float[] predictions = new float[batchSize * parameters.plan().outputs()];
        Batch batch = new Batch(spec.row(), batchSize);
        for (int at = 0; at < rows; at += batchSize) {
            fill(spec, batch, at, Math.min(batchSize, rows - at), turnEvery);
            predictor.predict(parameters, batch, predictions);
            learner.learn(batch);
            if (hot && at / batchSize % STEPS_BETWEEN_INSPECTIONS == 0) {
                var unused = learner.inspect();
            }
            for (int i = 0; i < batch.size() * parameters.plan().outputs(); i++) {
                int same = Float.floatToRawIntBits(predictions[i]);
                if (same != Float.floatToRawIntBits(learner.predictions()[i])) {
                    throw new IllegalStateException("the predictor differs from the learner");
                }
                for (int shift = 0; shift < 32; shift += 8) {
                    predicted.update((byte) (same >> shift));
                }
            }
            if (!hot && at / batchSize == rows / batchSize / 2) {
                parameters = restored(parameters);
                learner = new Learner(parameters, kernels, batchSize, workers);
            }
        }
        if (turnEvery > 0) {
            double restarts = restarts(parameters);
            if (restarts < 2) {
                throw new IllegalStateException("expected a restart for each turn of the labels, found " + restarts);
            }
        }
        String weights = ModelHash.weights(predicted.digest(), parameters);
        return HexFormat.of().parseHex(ModelHash.state(weights, parameters, new byte[0]));
    }

    /// Of the mixture of a network in which only it has statistics of such a name: the last but one of them.
    private static double restarts(Parameters parameters) {
        String name = parameters.plan().tensors().stream().map(Tensor::name).filter(each -> each.endsWith(".weights"))
                .findFirst().orElseThrow();
        double[] mixture = parameters.statistics(name);
        return mixture[mixture.length - 2];
    }

    private static Parameters restored(Parameters parameters) {
        Parameters restored = Parameters.blank(parameters.plan());
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.pages(); number++) {
            parameters.readPage(number, page, 0);
            restored.writePage(number, page, 0);
        }
        restored.setCounts(parameters.updates(), parameters.examples());
        return restored;
    }

    /// Rows with something to learn: the label depends on a number and an id.
    private static void fill(NetworkSpec spec, Batch batch, int from, int rows, int turnEvery) {
        batch.resize(rows);
        int outputs = spec.row().labels() == 1 && spec.loss() instanceof BinaryCrossEntropy ? 1 : CLASSES;
        int ids = spec.row().ids();
        for (int row = 0; row < rows; row++) {
            long index = from + (long) row;
            for (int i = 0; i < NUMBERS; i++) {
                batch.numbers[row * NUMBERS + i] = 10 * CounterRandom.normal(SEED, i, 1, index) - i;
            }
            for (int i = 0; i < ids; i++) {
                float uniform = CounterRandom.uniform(SEED, 100 + i, 1, index);
                // Squared: a few ids are frequent, many are rare.
                batch.ids[row * ids + i] = (int) (uniform * uniform * TABLE_ROWS);
            }
            if (ids > IDS) {
                batch.ids[row * ids + ids - 1] %= ids; // how many of the others count
            }
            int bucket = batch.ids[row * ids] + (batch.numbers[row * NUMBERS] > 0 ? 3 : 0);
            if (turnEvery > 0) {
                bucket = (batch.numbers[row * NUMBERS] > 0 ? 1 : 0) + (int) (index / turnEvery % 2);
            }
            int label = bucket % Math.max(2, outputs);
            int labels = spec.row().labels();
            if (spec.loss() instanceof Ctc ctc) {
                // One line can spell no more than one class.
                batch.labels[row * labels] = Math.max(1, label);
                batch.labels[row * labels + ctc.labelsMax()] = label == 0 ? 0 : 1;
                batch.labels[row * labels + ctc.labelsMax() + 1] = 1;
            } else if (spec.loss() instanceof FakeNegativeWeighted) {
                // First rows, corrections to either label, and some that correct nothing.
                batch.labels[row * labels] = label % 2;
                batch.labels[row * labels + 1] = index % 5 == 4 ? index / 5 % 2 : FakeNegativeWeighted.FIRST;
            } else if (labels == 1) {
                batch.labels[row] = label;
            } else {
                float other = spec.loss() instanceof Hinge ? -1 : 0;
                for (int k = 0; k < labels; k++) {
                    batch.labels[row * labels + k] = k == label ? 1 : other;
                }
            }
            batch.sampleWeights[row] = row % 3 == 2 ? 0.5f : 1;
        }
    }
}
