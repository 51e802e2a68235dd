using System.Text;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Platform;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator;

namespace Jitvmm.Tests.Machines;

/// <summary>A machine that is saved in the middle of a run goes on in another as if nothing had been: what the two print is what one prints, to the instruction.</summary>
public sealed class SavedStateTests
{
    private const ulong RamSize = 64 << 20;

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(200)]
    public void The_demonstration_goes_on_in_another_machine(int printed)
    {
        using var whole = new Rig();
        string expected = whole.RunToEnd();
        Assert.InRange(printed, 1, expected.Length - 100);

        using var first = new Rig();
        string before = first.RunUntil(printed);
        var state = new StateWriter();
        first.Machine.SaveDevices(state);
        MemoryImage memory = first.CopyMemory();

        using var second = new Rig();
        second.ReplaceMemory(memory);
        second.Machine.RestoreDevices(new StateReader(state.Written));
        var again = new StateWriter();
        second.Machine.SaveDevices(again);
        Assert.Equal(state.Written.ToArray(), again.Written.ToArray());
        string after = second.RunToEnd();
        Assert.Equal(expected, before + after);
        Assert.Equal(whole.Counters, second.Counters);
    }

    [Fact]
    public void A_machine_can_be_set_back()
    {
        using var whole = new Rig();
        string expected = whole.RunToEnd();

        using var machine = new Rig();
        string before = machine.RunUntil(100);
        var state = new StateWriter();
        machine.Machine.SaveDevices(state);
        MemoryImage memory = machine.CopyMemory();
        string between = machine.GoOnUntil(100);
        machine.ReplaceMemory(memory);
        machine.Machine.RestoreDevices(new StateReader(state.Written));
        string after = machine.GoOnToEnd();
        Assert.StartsWith(before + between, expected, StringComparison.Ordinal);
        Assert.Equal(expected, before + after);
        Assert.Equal(whole.Counters, machine.Counters);
    }

    [Fact]
    public void State_of_another_version_is_refused_by_name()
    {
        using var rig = new Rig();
        var state = new StateWriter();
        rig.Machine.SaveDevices(state);
        byte[] bytes = state.Written.ToArray();

        // "uart" is the section's name; its version follows.
        int version = bytes.AsSpan().IndexOf("\x04uart"u8) + 5;
        bytes[version]--;
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => rig.Machine.RestoreDevices(new StateReader(bytes)));
        Assert.Contains("uart has version", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The demonstration's machine, with time counted in instructions and a serial line that holds few bytes, so that it stops where it is read no more.</summary>
    private sealed class Rig : IDisposable
    {
        private readonly PhysicalMemory _memory = new();
        private readonly MachineEngine _engine;
        private readonly ByteChannel _serial = new(16);
        private readonly Thread _run;
        private MachineOutcome _outcome;

        public Rig()
        {
            _engine = new MachineEngine(_memory, new EngineOptions { CountsInstructions = true });
            var configuration = new MachineConfiguration
            {
                Memory = RamSize,
                Kernel = DemoKernel.Read(),
                SerialOutput = _serial,
                CountedTime = true,
                InstructionShift = 2,
                UtcAtStart = new DateTime(2026, 1, 1),
            };
            Machine = new Machine(configuration, _memory, platform => new EngineProcessor(_engine.CreateCpu(platform, platform.Index)));
            _run = new Thread(Run) { IsBackground = true };
        }

        public Machine Machine { get; }

        /// <summary>Instructions, interrupts, and when each interrupt was taken.</summary>
        public (long Instructions, long Interrupts, ulong Digest) Counters
        {
            get
            {
                var processor = Machine.Processors[0];
                return (processor.InstructionsExecuted, processor.InterruptsTaken, processor.InterruptDigest);
            }
        }

        public string RunToEnd()
        {
            _run.Start();
            return Collect(int.MaxValue);
        }

        /// <summary>Runs until so much was printed, and then on to where the machine can be held; all that was printed.</summary>
        public string RunUntil(int printed)
        {
            _run.Start();
            return Hold(printed);
        }

        public string GoOnUntil(int printed)
        {
            Machine.Resume();
            return Hold(printed);
        }

        public string GoOnToEnd()
        {
            Machine.Resume();
            return Collect(int.MaxValue);
        }

        public MemoryImage CopyMemory() => new(_memory, RamSize);

        public void ReplaceMemory(MemoryImage image) => image.PutInto(_memory);

        public void Dispose()
        {
            Machine.Stop();
            _serial.Close();
            if ((_run.ThreadState & ThreadState.Unstarted) == 0)
            {
                _run.Join();
            }

            Machine.Dispose();
            _engine.Dispose();
            _memory.Dispose();
        }

        private void Run()
        {
            _outcome = Machine.Run();
            _serial.Close();
        }

        private string Hold(int printed)
        {
            string text = Collect(printed);
            Assert.True(text.Length >= printed, $"it ended: {text}");

            // The line is full, or will be soon: the machine waits there until it is told to hold.
            var pausing = new Thread(Machine.Pause);
            pausing.Start();
            Assert.True(SpinWait.SpinUntil(() => (pausing.ThreadState & ThreadState.WaitSleepJoin) != 0 || !pausing.IsAlive, 60_000));
            while (!pausing.Join(1))
            {
                text += Take();
            }

            text += Take();
            Assert.Null(Machine.Outcome);
            return text;
        }

        private string Collect(int limit)
        {
            var text = new StringBuilder();
            byte[] bytes = new byte[8];
            while (text.Length < limit && _serial.Read(bytes) is > 0 and var count)
            {
                _ = text.Append(Encoding.ASCII.GetString(bytes, 0, count));
            }

            if (limit == int.MaxValue)
            {
                _run.Join();
                Assert.True(_outcome.End == MachineEnd.PoweredOff, $"{_outcome} {_outcome.Failure}\n{text}");
            }

            return text.ToString();
        }

        private string Take()
        {
            byte[] bytes = new byte[64];
            return Encoding.ASCII.GetString(bytes, 0, _serial.TryRead(bytes));
        }
    }
}
