using System.Text;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>A failure of the VMM itself: one line where the user sees it, and the VMM's exit code, not the guest's.</summary>
public static class InternalError
{
    /// <summary>Exit code of a VMM that failed.</summary>
    public const int ExitCode = 125;

    private const int MaxFrames = 4;
    private const long SysWrite = 1;
    private const long SysExitGroup = 231;

    /// <summary>Exception and innermost frames on one line.</summary>
    public static string Describe(Exception error)
    {
        StringBuilder text = new("jitvmm: internal error: ");
        text.Append(error.GetType().Name).Append(": ").Append(error.Message.ReplaceLineEndings(" "));
        string[] frames = (error.StackTrace ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        for (int i = 0; i < Math.Min(frames.Length, MaxFrames); i++)
        {
            text.Append(i == 0 ? " " : ", ").Append(frames[i]);
        }

        return text.ToString();
    }

    /// <summary>Has an exception that nothing catches end the process so, instead of a dump of the runtime's.</summary>
    internal static void ReportUnhandled(LinuxProcess process) =>
        AppDomain.CurrentDomain.UnhandledException += (_, unhandled) =>
        {
            if (unhandled.ExceptionObject is Exception error)
            {
                End(process.ReportFd >= 0 ? process.ReportFd : process.ErrorStream, Describe(error));
            }
        };

    private static unsafe void End(int fd, string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + "\n");
        fixed (byte* text = bytes)
        {
            _ = HostCalls.Raw(SysWrite, (ulong)fd, (ulong)text, (ulong)bytes.Length);
        }

        _ = HostCalls.Raw(SysExitGroup, ExitCode);
    }
}
