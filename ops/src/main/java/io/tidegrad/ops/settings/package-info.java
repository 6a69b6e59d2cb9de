/// How commands are told what to do: settings and commands are declared where they are read, and one reader takes them
/// from the command line, the environment and a file.
@NullMarked
package io.tidegrad.ops.settings;

import org.jspecify.annotations.NullMarked;
