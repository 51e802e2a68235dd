using System.Diagnostics;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Tests.Guests;
using Jitvmm.Tests.Tidy;
using Jitvmm.Translator;

namespace Jitvmm.Tests.Machines;

/// <summary>Privileged sequences against an independent emulator: the same image from the reset vector, the state compared after each instruction.</summary>
public sealed unsafe class PrivilegedComparisonTests
{
    private const int MaximumSteps = 400_000;

    [ToolFact("nasm", "qemu-system-x86_64")]
    public void Each_step_agrees_with_the_peer() => CompareProgram("privileged.asm");

    /// <summary>Random tables and accesses: error codes, CR2, accessed and dirty bits.</summary>
    [ToolTheory("nasm", "qemu-system-x86_64")]
    [InlineData(1, 60)]
    [InlineData(2, 60)]
    public void Each_page_walk_agrees_with_the_peers(int seed, int cases) => CompareProgram("paging.asm", $"-DSEED={seed}", $"-DCASES={cases}");

    [ToolTheory("nasm", "qemu-system-x86_64")]
    [Trait("Run", "Nightly")]
    [InlineData(3, 1500)]
    [InlineData(4, 1500)]
    public void Many_page_walks_agree_with_the_peers(int seed, int cases) => CompareProgram("paging.asm", $"-DSEED={seed}", $"-DCASES={cases}");

    private static void CompareProgram(string program, params string[] definitions)
    {
        string folder = Directory.CreateTempSubdirectory("jitvmm-peer").FullName;
        try
        {
            string image = Path.Combine(folder, "image");
            string source = Path.Combine(RepositoryRoot.Path, "tests/Machines/Programs", program);
            using (Process nasm = Process.Start("/usr/bin/nasm", ["-f", "bin", .. definitions, source, "-o", image]))
            {
                nasm.WaitForExit();
                Assert.Equal(0, nasm.ExitCode);
            }

            using PeerEmulator peer = new(image, folder);
            using Bare machine = new(File.ReadAllBytes(image));
            Compare(machine, peer);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static void Compare(Bare machine, PeerEmulator peer)
    {
        // RDX tells the model of the processor.
        ProcessorImage theirs = peer.Read();
        machine.Cpu->Gpr[2] = theirs.Registers[2];
        string before = "reset";
        for (int step = 0; step < MaximumSteps; step++)
        {
            string ours = ProcessorImage.Of(machine.Cpu, machine.TaskPriority).ToString();
            Assert.True(ours == theirs.ToString(), $"step {step}\nbefore {before}\nours   {ours}\npeer's {theirs}");
            if (!machine.Step())
            {
                // The tables and what handlers counted. Not the stacks: the peer does not set RF in what faults save.
                Assert.Equal(peer.ReadMemory(0x1000, 0x3100), machine.Read(0x1000, 0x3100));
                return;
            }

            before = ours;
            peer.Step();
            theirs = peer.Read();
        }

        Assert.Fail("the program did not come to its end");
    }

    /// <summary>A processor with memory and nothing else.</summary>
    private sealed class Bare : ICpuPlatform, IDisposable
    {
        private readonly PhysicalMemory _memory = new();
        private readonly MachineEngine _engine;
        private readonly MachineCpu _cpu;

        public Bare(byte[] image)
        {
            _memory.AddRam(0, 16 << 20);
            _memory.AddRom(0x1_0000_0000 - (ulong)image.Length, image);
            Assert.True(_memory.Write(0x100000 - (ulong)image.Length, image));
            _engine = new MachineEngine(_memory, new EngineOptions { Tiering = Tiering.Tier0 });
            _cpu = _engine.CreateCpu(this, 0);
            CpuMode.Reset(Cpu);
            SoftTlb.FlushAll(Cpu);
            CpuMode.Changed(Cpu);
        }

        public CpuState* Cpu => _cpu.State;

        public ulong TaskPriority { get; set; }

        public ulong TimeStamp => 0;

        public bool Step() => _cpu.Step();

        public byte[] Read(ulong address, int length)
        {
            byte[] bytes = new byte[length];
            Assert.True(_memory.Read(address, bytes));
            return bytes;
        }

        public uint ReadPort(ushort port, int bytes) => uint.MaxValue;

        public void WritePort(ushort port, int bytes, uint value)
        {
        }

        public bool TryReadMsr(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool TryWriteMsr(uint index, ulong value) => false;

        public int AcknowledgeInterrupt() => -1;

        public CpuidLeaf QueryCpuid(uint leaf, uint subLeaf)
        {
            // SMEP and SMAP are a machine's to offer.
            CpuidLeaf found = CpuModel.Query(leaf, subLeaf);
            return leaf == 7 && subLeaf == 0 ? found with { Ebx = found.Ebx | (1u << 7) | (1u << 20) } : found;
        }

        public void TripleFault() => _cpu.RequestStop();

        public void Dispose()
        {
            _cpu.Dispose();
            _engine.Dispose();
            _memory.Dispose();
        }
    }
}
