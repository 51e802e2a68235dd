using System.Text;

namespace Jitvmm.Tests.Inspector;

/// <summary>Reads a jitdump file as its specification has it (tools/perf/Documentation/jitdump-specification.txt), and takes nothing that is not in it.</summary>
/// <param name="Process">The number of the process in the header.</param>
/// <param name="Time">When it was begun, in nanoseconds.</param>
/// <param name="Methods">Its load records in their order.</param>
/// <param name="IsClosed">Whether it ends as it should.</param>
internal sealed record JitDumpReader(uint Process, ulong Time, IReadOnlyList<JitDumpReader.Method> Methods, bool IsClosed)
{
    public static JitDumpReader Read(byte[] file)
    {
        using BinaryReader reader = new(new MemoryStream(file));
        Assert.Equal(0x4A695444u, reader.ReadUInt32());
        Assert.Equal((1u, 40u, 62u, 0u), (reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadUInt32()));
        uint process = reader.ReadUInt32();
        ulong start = reader.ReadUInt64();
        Assert.Equal(0ul, reader.ReadUInt64());
        var methods = new List<Method>();
        bool isClosed = false;
        while (reader.BaseStream.Position < file.Length)
        {
            Assert.False(isClosed);
            long at = reader.BaseStream.Position;
            uint kind = reader.ReadUInt32();
            uint length = reader.ReadUInt32();
            ulong time = reader.ReadUInt64();
            isClosed = kind == 3;
            if (!isClosed)
            {
                Assert.Equal(0u, kind);
                Assert.Equal((process, process), (reader.ReadUInt32(), reader.ReadUInt32()));
                ulong address = reader.ReadUInt64();
                Assert.Equal(address, reader.ReadUInt64());
                int size = (int)reader.ReadUInt64();
                Assert.Equal((ulong)methods.Count, reader.ReadUInt64());
                byte[] name = [.. Enumerable.Repeat(reader, int.MaxValue).Select(static r => r.ReadByte()).TakeWhile(static b => b != 0)];
                methods.Add(new Method(time, address, Encoding.UTF8.GetString(name), reader.ReadBytes(size)));
            }

            Assert.Equal(at + length, reader.BaseStream.Position);
        }

        return new JitDumpReader(process, start, methods, isClosed);
    }

    /// <summary>A method that was compiled.</summary>
    public sealed record Method(ulong Time, ulong Address, string Name, byte[] Code);
}
