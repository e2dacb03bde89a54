/* be_byteshift */
