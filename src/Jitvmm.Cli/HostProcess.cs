using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace Jitvmm.Cli;

/// <summary>
/// What this process was started with, as bytes: .NET's own strings would lose what is not UTF-8, and the guest must
/// get its arguments and environment unchanged.
/// </summary>
internal static unsafe class HostProcess
{
    /// <summary>
    /// Set by the script <c>jitvmm</c>, or by <see cref="RestartWithSettings"/>, for .NET's start; not the guest's business.
    /// </summary>
    private static ReadOnlySpan<byte> SettingPrefix => "DOTNET_"u8;

    /// <summary>
    /// Starts this program again when the settings that .NET reads before Main are missing. W^X must be off: it maps JIT
    /// memory shared between processes, and a guest's fork must get its own.
    /// </summary>
    /// <returns>Whether the settings are there; otherwise they could not be had.</returns>
    public static bool RestartWithSettings()
    {
        byte[] path = System.Text.Encoding.UTF8.GetBytes(System.Environment.ProcessPath + "\0");
        fixed (byte* name = "DOTNET_EnableWriteXorExecute\0"u8, zero = "0\0"u8, program = path)
        fixed (byte* diagnostics = "DOTNET_EnableDiagnostics\0"u8, tiering = "DOTNET_TieredCompilation\0"u8)
        {
            byte* value = GetVariable(name);
            if (value != null && value[0] == '0' && value[1] == 0)
            {
                return true;
            }

            byte[] commandLine = Read("/proc/self/cmdline\0"u8);
            _ = SetVariable(name, zero, 1);
            _ = SetVariable(diagnostics, zero, 1);
            _ = SetVariable(tiering, zero, 1);
            fixed (byte* bytes = commandLine)
            {
                int count = System.MemoryExtensions.Count(commandLine, (byte)0);
                byte** arguments = (byte**)NativeMemory.Alloc((nuint)(count + 1), (nuint)sizeof(byte*));
                byte* at = bytes;
                for (int i = 0; i < count; i++)
                {
                    arguments[i] = at;
                    at += MemoryMarshal.CreateReadOnlySpanFromNullTerminated(at).Length + 1;
                }

                arguments[count] = null;
                _ = Execute(program, arguments);
                NativeMemory.Free(arguments);
            }

            return false;
        }
    }

    /// <summary>
    /// Starts this program again with .NET's diagnostics port and event sources, which runs do without otherwise. Returns when they are there already, or cannot be had.
    /// </summary>
    public static void RestartWithEvents(IReadOnlyList<string> words)
    {
        string muxer = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet");
        string configuration = Path.Combine(AppContext.BaseDirectory, "Jitvmm.Cli.events.runtimeconfig.json");
        if (HasEvents || !File.Exists(muxer) || !File.Exists(configuration))
        {
            return;
        }

        fixed (byte* all = "DOTNET_EnableDiagnostics\0"u8, one = "1\0"u8, zero = "0\0"u8)
        fixed (byte* debugger = "DOTNET_EnableDiagnostics_Debugger\0"u8, profiler = "DOTNET_EnableDiagnostics_Profiler\0"u8)
        {
            _ = SetVariable(all, one, 1);
            _ = SetVariable(debugger, zero, 1);
            _ = SetVariable(profiler, zero, 1);
        }

        Become(muxer, ["exec", "--runtimeconfig", configuration, Path.Combine(AppContext.BaseDirectory, "Jitvmm.Cli.dll"), .. words]);
    }

    private static bool HasEvents => !AppContext.TryGetSwitch("System.Diagnostics.Tracing.EventSource.IsSupported", out bool isSupported) || isSupported;

    /// <summary>Replaces this program by another. Returns when that cannot be.</summary>
    public static void Become(string program, IReadOnlyList<string> words)
    {
        byte** arguments = (byte**)NativeMemory.AllocZeroed((nuint)(words.Count + 2), (nuint)sizeof(byte*));
        arguments[0] = (byte*)Marshal.StringToCoTaskMemUTF8(program);
        for (int i = 0; i < words.Count; i++)
        {
            arguments[i + 1] = (byte*)Marshal.StringToCoTaskMemUTF8(words[i]);
        }

        _ = Execute(arguments[0], arguments);
    }

    /// <summary>The last <paramref name="count"/> words of the command line.</summary>
    public static byte[][] LastArguments(int count) => [.. Split(Read("/proc/self/cmdline\0"u8))[^count..]];

    /// <summary>The environment without the settings of the VMM's own runtime.</summary>
    public static List<byte[]> Environment()
    {
        List<byte[]> variables = Split(Read("/proc/self/environ\0"u8));
        for (int i = variables.Count - 1; i >= 0; i--)
        {
            if (IsRuntimeSetting(variables[i]))
            {
                variables.RemoveAt(i);
            }
        }

        return variables;
    }

    private static bool IsRuntimeSetting(ReadOnlySpan<byte> variable) =>
        variable.StartsWith(SettingPrefix)
        && (variable.StartsWith("DOTNET_EnableWriteXorExecute="u8)
            || variable.StartsWith("DOTNET_EnableDiagnostics="u8)
            || variable.StartsWith("DOTNET_TieredCompilation="u8));

    private static List<byte[]> Split(byte[] strings)
    {
        var parts = new List<byte[]>();
        for (int start = 0; start < strings.Length;)
        {
            int length = strings.AsSpan(start).IndexOf((byte)0);
            int end = length < 0 ? strings.Length : start + length;
            parts.Add(strings[start..end]);
            start = end + 1;
        }

        return parts;
    }

    private static byte[] Read(ReadOnlySpan<byte> path)
    {
        const int ReadOnlyCloseOnExec = 0x80000;
        int file;
        fixed (byte* name = path)
        {
            file = Open(name, ReadOnlyCloseOnExec);
        }

        if (file < 0)
        {
            throw new IOException("/proc is not readable");
        }

        byte[] bytes = new byte[16384];
        int length = 0;
        while (true)
        {
            nint got;
            fixed (byte* free = &bytes[length])
            {
                got = ReadFile(file, free, (nuint)(bytes.Length - length));
            }

            if (got <= 0)
            {
                break;
            }

            length += (int)got;
            if (length == bytes.Length)
            {
                Array.Resize(ref bytes, 2 * length);
            }
        }

        _ = CloseFile(file);
        return bytes[..length];
    }

    [DllImport("libc", EntryPoint = "getenv")]
    private static extern byte* GetVariable(byte* name);

    [DllImport("libc", EntryPoint = "setenv")]
    private static extern int SetVariable(byte* name, byte* value, int overwrite);

    [DllImport("libc", EntryPoint = "execv")]
    private static extern int Execute(byte* path, byte** arguments);

    [DllImport("libc", EntryPoint = "open")]
    private static extern int Open(byte* path, int flags);

    [DllImport("libc", EntryPoint = "read")]
    private static extern nint ReadFile(int file, byte* buffer, nuint length);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int CloseFile(int file);
}
