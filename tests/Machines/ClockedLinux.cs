using System.Diagnostics;
using System.Text;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Platform;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator;

namespace Jitvmm.Tests.Machines;

/// <summary>Debian's cloud kernel in a machine of this process that has a <see cref="HostClockDevice"/>.</summary>
internal sealed class ClockedLinux : IDisposable
{
    private const ulong RamSize = 256 << 20;

    private readonly PhysicalMemory _memory = new();
    private readonly MachineEngine _engine;
    private readonly HostClockDevice _clock;
    private readonly ByteChannel _serial = new();
    private readonly StringBuilder _console = new();
    private readonly Thread _run;
    private readonly Thread _reader;
    private MachineOutcome _outcome;
    private bool _isDisposed;

    public ClockedLinux(HypervisorKind hypervisor, int processors, string initrd, HostClockDevice clock)
    {
        _clock = clock;
        Offered = new MachineHypervisor(hypervisor).Create();
        _engine = new MachineEngine(_memory, new EngineOptions { Paravirtual = Offered });
        var configuration = new MachineConfiguration
        {
            Memory = RamSize,
            Processors = processors,
            Kernel = File.ReadAllBytes(GuestKernel.Cloud.Image),
            Initrd = File.ReadAllBytes(initrd),
            CommandLine = "console=ttyS0 panic=-1",
            SerialOutput = _serial,
            Hypervisor = Offered,
        };
        Machine = new Machine(configuration, _memory, platform => new EngineProcessor(_engine.CreateCpu(platform, platform.Index)));
        Machine.Ports.Claim(HostClockDevice.Port, HostClockDevice.Count, clock);
        _run = new Thread(() =>
        {
            _outcome = Machine.Run();
            _serial.Close();
        });
        _reader = new Thread(Collect);
    }

    public Machine Machine { get; }

    public ParavirtualInterface? Offered { get; }

    /// <summary>What it printed.</summary>
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

    public void Start()
    {
        _run.Start();
        _reader.Start();
    }

    /// <summary>Waits until the guest asks for a pause. False: it ended, or took longer.</summary>
    public bool AwaitRequest(TimeSpan limit)
    {
        var waiting = Stopwatch.StartNew();
        while (!_clock.AwaitRequest(TimeSpan.FromSeconds(1)))
        {
            if (!_run.IsAlive || waiting.Elapsed > limit)
            {
                return false;
            }
        }

        return true;
    }

    public void RunToEnd(TimeSpan limit)
    {
        bool ended = _run.Join(limit);
        Machine.Stop();
        _run.Join();
        _reader.Join();
        Assert.True(ended && _outcome.End == MachineEnd.PoweredOff, $"{_outcome} {_outcome.Failure}\n{Console}");
    }

    public MemoryImage CopyMemory() => new(_memory, RamSize);

    /// <summary>Makes it, before its start, what another one was.</summary>
    public void Restore(MemoryImage memory, StateWriter state)
    {
        memory.PutInto(_memory);
        Machine.RestoreDevices(new StateReader(state.Written));
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        Machine.Stop();
        if ((_run.ThreadState & System.Threading.ThreadState.Unstarted) == 0)
        {
            _run.Join();
            _reader.Join();
        }

        Machine.Dispose();
        _engine.Dispose();
        _memory.Dispose();
    }

    private void Collect()
    {
        byte[] bytes = new byte[256];
        for (int count = _serial.Read(bytes); count > 0; count = _serial.Read(bytes))
        {
            lock (_console)
            {
                _console.Append(Encoding.UTF8.GetString(bytes, 0, count));
            }
        }
    }
}
