package io.tidegrad.cli;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@picocli.CommandLine.Command(name = "models", description = "The registered models, and what people decide about them.",
        subcommands = {ModelsListing.All.class, ModelsListing.One.class, ModelDecision.Create.class,
            ModelDecision.Pause.class, ModelDecision.Resume.class, ModelDecision.Rollback.class,
            ModelDecision.Promote.class, ModelDecision.Shadow.class, ModelDecision.Challenge.class,
            ModelDecision.Withdraw.class, ModelDecision.Delete.class})
final class ModelsCommand implements Runnable {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Mixin
    private HelpOption help = new HelpOption();

    @Override
    public void run() {
        throw new ParameterException(command.commandLine(),
                "what to do with them is missing; there are: " + String.join(", ", command.subcommands().keySet()));
    }
}
