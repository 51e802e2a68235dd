using System.Reflection;

namespace Jitvmm.Cli;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        try
        {
            switch (arguments)
            {
                case ["run", .. string[] words]:
                    return Run(words);
                case ["boot", .. string[] words]:
                    return Boot(words);
                case ["cache", .. string[] words]:
                    return Cache(words);
                case ["inspect", .. string[] words]:
                    return Inspect(words);
                case ["--help" or "-h" or "help"]:
                    Console.Out.Write(HelpText.Overview);
                    return ExitCodes.Success;
                case ["--version"]:
                    Console.Out.WriteLine($"jitvmm {typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}");
                    return ExitCodes.Success;
                case []:
                    Console.Error.Write(HelpText.Overview);
                    return ExitCodes.VmmError;
                default:
                    throw new UsageException($"unknown command {arguments[0]}");
            }
        }
        catch (ProcessGuestException error)
        {
            return Fail(error.Message, error.ExitCode);
        }
        catch (MachineGuestException error)
        {
            return Fail(error.Message, ExitCodes.VmmError);
        }
        catch (UsageException error)
        {
            string command = arguments is ["boot" or "cache" or "inspect", ..] ? arguments[0] : "run";
            return Fail($"{error.Message}; see jitvmm {command} --help", ExitCodes.VmmError);
        }
    }

    private static int Run(string[] words)
    {
        RunCommandLine line = RunCommandLine.Parse(words);
        if (line.Help)
        {
            Console.Out.Write(HelpText.Run);
            return ExitCodes.Success;
        }

        if (!HostProcess.RestartWithSettings())
        {
            return Fail("the runtime's settings could not be put into the environment", ExitCodes.VmmError);
        }

        ProcessGuestOptions options = line.ToOptions(HostProcess.LastArguments(words.Length - line.ProgramIndex), HostProcess.Environment());
        new ProcessGuest(options).Run();
        return ExitCodes.VmmError;
    }

    private static int Boot(string[] words)
    {
        BootCommandLine line = BootCommandLine.Parse(words);
        if (line.Help)
        {
            Console.Out.Write(HelpText.Boot);
            return ExitCodes.Success;
        }

        if (line.ToOptions().Inspect)
        {
            HostProcess.RestartWithEvents(["boot", .. words]);
        }

        return BootCommand.Run(line);
    }

    private static int Cache(string[] words)
    {
        CacheCommandLine line = CacheCommandLine.Parse(words);
        if (line.Help)
        {
            Console.Out.Write(HelpText.Cache);
            return ExitCodes.Success;
        }

        return CacheCommand.Run(line);
    }

    /// <summary>The page is another program's: this one would be slower to start with all that serving pages needs.</summary>
    private static int Inspect(string[] words)
    {
        InspectCommandLine line = InspectCommandLine.Parse(words);
        if (line.Help)
        {
            Console.Out.Write(HelpText.Inspect);
            return ExitCodes.Success;
        }

        string program = Path.Combine(AppContext.BaseDirectory, "inspector", "Jitvmm.Inspector.Web");
        HostProcess.Become(program, line.Passed);
        return Fail($"{program} cannot be started", ExitCodes.VmmError);
    }

    private static int Fail(string message, int code)
    {
        Console.Error.WriteLine($"jitvmm: {message}");
        return code;
    }
}
