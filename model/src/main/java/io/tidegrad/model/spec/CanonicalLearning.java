package io.tidegrad.model.spec;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.optim.Sgd;
import java.util.List;

/// What a canonical form says of loss and steps.
final class CanonicalLearning {
    private CanonicalLearning() {}

    /// As a spec writes it.
    static String name(Loss loss) {
        return switch (loss) {
            case BinaryCrossEntropy binary -> "binary-cross-entropy";
            case CategoricalCrossEntropy categorical -> "categorical-cross-entropy";
            case MeanSquaredError squared -> "mean-squared-error";
            case MeanAbsoluteError absolute -> "mean-absolute-error";
            case Huber huber -> "huber";
            case Poisson poisson -> "poisson";
            case Quantile quantile -> "quantile";
            case Hinge hinge -> "hinge";
            // No event holds a sequence of labels.
            case Ctc ctc -> throw CanonicalForm.unnamed(ctc);
        };
    }

    static Flow loss(Loss loss) {
        Flow flow = new Flow();
        return switch (loss) {
            case BinaryCrossEntropy(List<Double> weights) ->
                flow.add("positive-weight", weights.isEmpty() ? null : Flow.number(weights.getFirst()));
            case CategoricalCrossEntropy categorical ->
                flow.add("label-smoothing", Flow.unless(0, categorical.labelSmoothing())).add("class-weights",
                        categorical.classWeights().isEmpty() ? null : Flow.numbers(categorical.classWeights()));
            case Huber(double delta) -> flow.add("delta", Flow.unless(ModelSpec.HUBER.delta(), delta));
            case Quantile(List<Double> quantiles) -> flow.add("quantiles", Flow.numbers(quantiles));
            case MeanSquaredError squared -> flow;
            case MeanAbsoluteError absolute -> flow;
            case Poisson poisson -> flow;
            case Hinge hinge -> flow;
            case Ctc ctc -> throw CanonicalForm.unnamed(ctc);
        };
    }

    static String optimizer(Optimizer optimizer) {
        return switch (optimizer) {
            case Sgd(double rate, double momentum, boolean nesterov) ->
                "{sgd: " + new Flow().add("rate", Flow.number(rate)).add("momentum", Flow.unless(0, momentum))
                        .add("nesterov", Flow.flag(nesterov)) + "}";
            case Adagrad(double rate, double epsilon, double initial) -> {
                Adagrad byDefault = ModelSpec.ADAGRAD;
                yield Flow.named("adagrad",
                        new Flow().add("rate", Flow.unless(byDefault.rate(), rate))
                                .add("epsilon", Flow.unless(byDefault.epsilon(), epsilon))
                                .add("initial-accumulator", Flow.unless(byDefault.initialAccumulator(), initial)));
            }
            case RmsProp(double rate, double alpha, double epsilon, boolean centered, double momentum) -> {
                RmsProp byDefault = ModelSpec.RMSPROP;
                yield Flow.named("rmsprop",
                        new Flow().add("rate", Flow.unless(byDefault.rate(), rate))
                                .add("alpha", Flow.unless(byDefault.alpha(), alpha))
                                .add("epsilon", Flow.unless(byDefault.epsilon(), epsilon))
                                .add("centered", Flow.flag(centered)).add("momentum", Flow.unless(0, momentum)));
            }
            case Adam adam -> Flow.named("adam", adam(adam));
            case AdamW(Adam adam, double decay) ->
                Flow.named("adamw", adam(adam).add("weight-decay", Flow.unless(ModelSpec.ADAMW.weightDecay(), decay)));
            case FtrlProximal(double alpha, double beta, double l1, double l2) ->
                "{ftrl: " + new Flow().add("alpha", Flow.number(alpha)).add("beta", Flow.unless(1, beta))
                        .add("l1", Flow.unless(0, l1)).add("l2", Flow.unless(0, l2)) + "}";
        };
    }

    private static Flow adam(Adam adam) {
        Adam byDefault = ModelSpec.ADAM;
        return new Flow().add("rate", Flow.unless(byDefault.rate(), adam.rate()))
                .add("beta1", Flow.unless(byDefault.beta1(), adam.beta1()))
                .add("beta2", Flow.unless(byDefault.beta2(), adam.beta2()))
                .add("epsilon", Flow.unless(byDefault.epsilon(), adam.epsilon()))
                .add("amsgrad", Flow.flag(adam.amsgrad()));
    }

    static String schedule(Schedule schedule) {
        return switch (schedule) {
            case Schedule.Constant() -> throw new IllegalStateException("no schedule to write");
            case Schedule.Step(long stepSize, double gamma) -> Flow.named("step",
                    new Flow().add("step-size", String.valueOf(stepSize)).add("gamma", Flow.number(gamma)));
            case Schedule.Exponential(double gamma) ->
                Flow.named("exponential", new Flow().add("gamma", Flow.number(gamma)));
            case Schedule.LinearWarmup(double startFactor, long steps) -> Flow.named("linear-warmup", new Flow()
                    .add("start-factor", Flow.number(startFactor)).add("warmup-steps", String.valueOf(steps)));
            case Schedule.InverseSqrt(long steps) ->
                Flow.named("inverse-sqrt", new Flow().add("warmup-steps", String.valueOf(steps)));
            case Schedule.Cosine(long total, double min) -> Flow.named("cosine",
                    new Flow().add("total-steps", String.valueOf(total)).add("min-rate", Flow.unless(0, min)));
            case Schedule.WarmupCosine(long warmup, long total, double min) ->
                Flow.named("warmup-cosine", new Flow().add("warmup-steps", String.valueOf(warmup))
                        .add("total-steps", String.valueOf(total)).add("min-rate", Flow.unless(0, min)));
            case Schedule.OneCycle(long total, double start, double div, double finalDiv) -> {
                Schedule.OneCycle byDefault = ModelSpec.ONE_CYCLE;
                yield Flow.named("one-cycle",
                        new Flow().add("total-steps", String.valueOf(total))
                                .add("pct-start", Flow.unless(byDefault.pctStart(), start))
                                .add("div-factor", Flow.unless(byDefault.divFactor(), div))
                                .add("final-div-factor", Flow.unless(byDefault.finalDivFactor(), finalDiv)));
            }
            case Schedule.WarmRestarts(long period, long factor, double min) ->
                Flow.named("warm-restarts", new Flow().add("period", String.valueOf(period))
                        .add("period-factor", Flow.unless(1, factor)).add("min-rate", Flow.unless(0, min)));
        };
    }

    static Flow regularization(Regularization regularization) {
        return new Flow().add("l1", Flow.unless(0, regularization.l1())).add("l2", Flow.unless(0, regularization.l2()))
                .add("applies-to",
                        regularization.scope() == Regularization.Scope.ALL ? null : Flow.name(regularization.scope()));
    }
}
