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
        catch (UsageException error)
        {
            return Fail($"{error.Message}; see jitvmm run --help", ExitCodes.VmmError);
        }
    }

    private static int Fail(string message, int code)
    {
        Console.Error.WriteLine($"jitvmm: {message}");
        return code;
    }
}
