using System.Diagnostics;
using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Machines;

/// <summary><c>jitvmm boot</c> as a process of its own, with its console read while it runs.</summary>
public sealed class MachineProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _console = new();
    private readonly Task _reading;
    private readonly Task<string> _errors;
    private bool _ended;

    public MachineProcess(params string[] options)
        : this(ProgramComparison.Vmm, ["boot", .. options])
    {
    }

    private MachineProcess(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync();
        _reading = Task.Run(Read);
    }

    /// <summary>The process itself: the script <c>jitvmm</c> becomes it.</summary>
    public int Id => _process.Id;

    /// <summary>What came so far, without carriage returns.</summary>
    public string Console
    {
        get
        {
            lock (_console)
            {
                return _console.ToString();
            }
        }
    }

    /// <summary>Everything that can be said about the run, for a failed assertion.</summary>
    public string Report => $"{(_process.HasExited ? $"status {_process.ExitCode}" : "running")}\n{Console}\n{(_errors.IsCompleted ? _errors.Result : "")}";

    /// <summary>What the VMM itself said. After the end.</summary>
    public string Errors => _errors.Result;

    /// <summary>In a terminal of so many rows and columns, which util-linux's <c>script</c> makes. Needs it.</summary>
    public static MachineProcess InTerminal(int rows, int columns, params string[] options) => new(
        "/usr/bin/script", ["--quiet", "--return", "--command", $"stty rows {rows} cols {columns}; exec {ProgramComparison.Vmm} boot {string.Join(' ', options)}", "/dev/null"]);

    /// <summary>Runs a machine to its end.</summary>
    public static MachineProcess Run(TimeSpan limit, params string[] options)
    {
        var machine = new MachineProcess(options);
        machine.WaitForEnd(limit);
        return machine;
    }

    /// <summary>Waits until the console shows a text, that many times.</summary>
    public void WaitFor(string text, TimeSpan limit, int times = 1)
    {
        var clock = Stopwatch.StartNew();
        lock (_console)
        {
            while (_console.ToString().Split(text).Length <= times)
            {
                TimeSpan left = limit - clock.Elapsed;
                Assert.True(!_ended && left > TimeSpan.Zero && Monitor.Wait(_console, left), $"no \"{text}\" within {limit}: {Report}");
            }
        }
    }

    public void Type(string text)
    {
        _process.StandardInput.Write(text);
        _process.StandardInput.Flush();
    }

    /// <summary>Kills the VMM, as a power cut would the machine.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits for the end, and demands that the guest ended well.</summary>
    public void WaitForEnd(TimeSpan limit) => WaitForEnd(limit, 0);

    /// <summary>Waits for the end, and demands this exit code.</summary>
    public void WaitForEnd(TimeSpan limit, int status)
    {
        bool ended = _process.WaitForExit(limit);
        Assert.True(ended && _reading.Wait(TimeSpan.FromSeconds(20)), $"did not end within {limit}: {Report}");
        _ = _errors.Wait(TimeSpan.FromSeconds(20));
        Assert.True(_process.ExitCode == status, Report);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private void Read()
    {
        Stream stream = _process.StandardOutput.BaseStream;
        byte[] bytes = new byte[4096];
        for (int count = stream.Read(bytes); count > 0; count = stream.Read(bytes))
        {
            string text = Encoding.UTF8.GetString(bytes, 0, count).Replace("\r", "", StringComparison.Ordinal);
            lock (_console)
            {
                _console.Append(text);
                Monitor.PulseAll(_console);
            }
        }

        lock (_console)
        {
            _ended = true;
            Monitor.PulseAll(_console);
        }
    }
}
